"""The model card: README.md of the artifact, made from its manifest alone."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from biobert_onnx.artifact.manifest import Manifest, rule_line
from biobert_onnx.catalog.models import Model, find
from biobert_onnx.catalog.published import REPRODUCED

PUBLIC_DOMAIN = "public-domain"
"""A licence of the table of models for which the Hub has no identifier."""

USAGE = """```python
from biobert_onnx import SentenceEncoder

encoder = SentenceEncoder("path/of/this/folder")
embeddings = encoder.encode(["A sentence.", "Another one."])  # (2, {dim}) float32
```

`encoder.onnx` and `tokens.onnx` are for biobert-onnx alone: they take unpadded batches. Other tools load `model.onnx`,
with attention mask and, if the encoder has them, token types."""

SEARCHES = """What a search keeps: the cosines without the mean vector, which all texts share; of the 10 nearest texts
by float32, how many are among the 10 nearest by this artifact; and how alike the two rank all texts (Spearman)."""

LIMITS = """- Texts are cut to {max_length} tokens, [CLS] and [SEP] included.
- A text's bits are the same in any batch on one machine and onnxruntime version; other machines may round differently.
- The vectors were compared with the float32 checkpoint's. How good the checkpoint is at a task was not measured."""


def write_model_card(folder: Path, manifest: Manifest) -> None:
    """Write README.md into `folder`."""
    (folder / "README.md").write_text(model_card(manifest), encoding="utf-8", newline="\n")


def model_card(manifest: Manifest) -> str:
    """Return the model card of the artifact of `manifest`: Markdown under YAML front matter.

    It names licence, language and papers only if the checkpoint came from its own repository on the Hub or gave its
    known answers: a folder may have any name.
    """
    model = _certain_model(manifest)
    parts = [
        "\n".join(["---", *_front_matter(manifest, model), "---"]),
        f"# {manifest.name}, {manifest.precision} for CPUs",
        _summary(manifest, model),
        USAGE.format(dim=manifest.dim),
        "## Fidelity\n\nCosine to the float32 vectors of the checkpoint, on texts that were not used for calibration.",
        "\n".join(_cosine_table(manifest)),
        SEARCHES,
        "\n".join(_search_table(manifest)),
        "\n".join(["## Recipe", "", *_recipe(manifest), "", "The full record is `manifest.json`."]),
        "\n".join(["## How the checkpoint was read", "", *_reading(manifest)]),
        "## Limits\n\n" + LIMITS.format(max_length=manifest.max_length),
    ]
    if model is not None:
        parts.append("\n".join(["## Citation", "", *(f"- {paper}" for paper in model.papers)]))
    return "\n\n".join(parts) + "\n"


def _certain_model(manifest: Manifest) -> Model | None:
    """Return the published model that the checkpoint certainly is, else None."""
    answers = [record for records in manifest.checkpoint["known_answers"].values() for record in records]
    reproduced = any(record["distance"] <= REPRODUCED for record in answers)
    from_hub = manifest.checkpoint["revision"] is not None
    return find(manifest.checkpoint["model"]) if from_hub or reproduced else None


def _front_matter(manifest: Manifest, model: Model | None) -> Iterator[str]:
    yield "library_name: biobert-onnx"
    yield "pipeline_tag: sentence-similarity"
    if manifest.checkpoint["revision"] is not None:
        yield f"base_model: {manifest.checkpoint['source']}"
    elif model is not None and model.hub:
        yield f"base_model: {model.hub[0]}"
    if model is not None:
        yield from _licence(model)
        yield "language: en"
    tags = ["onnx", "sentence-embeddings", manifest.precision, *(["biomedical"] if model is not None else [])]
    yield f"tags: [{', '.join(tags)}]"


def _licence(model: Model) -> Iterator[str]:
    """Yield the licence under an identifier that the Hub knows; any other has the identifier "other" and its name."""
    if model.licence == PUBLIC_DOMAIN:
        yield "license: other"
        yield f"license_name: {PUBLIC_DOMAIN}"
    else:
        yield f"license: {model.licence}"


def _summary(manifest: Manifest, model: Model | None) -> str:
    title = f"{model.title}: sentence" if model is not None else "Sentence"
    unit = ", scaled to unit length" if manifest.normalized else ""
    pairs = " A text may be a pair of texts, `(text, text)`." if manifest.pairs else ""
    return (
        f"{title} vectors of {manifest.dim} dimensions: {manifest.pooling} pooling of the last layer{unit}.{pairs} "
        f"The vocabulary is {manifest.casing}. Made from `{manifest.checkpoint['weights']}` of "
        f"`{manifest.checkpoint['source']}`, sha256 `{manifest.checkpoint['sha256']}`."
    )


def _cosine_table(manifest: Manifest) -> Iterator[str]:
    yield "| texts | engine | number | mean | 1st percentile | least | largest absolute error |"
    yield "|---|---|---|---|---|---|---|"
    for place, record in _fidelity_records(manifest):
        figures = (f"{record[key]:.5f}" for key in ("cosine_mean", "cosine_p1", "cosine_min", "max_abs_error"))
        yield f"| {place} | {record['texts']} | {' | '.join(figures)} |"


def _search_table(manifest: Manifest) -> Iterator[str]:
    yield "| texts | engine | centred mean | centred least | neighbours kept | rank correlation |"
    yield "|---|---|---|---|---|---|"
    for place, record in _fidelity_records(manifest):
        kept = f"{record['neighbours_kept']:.1%}"
        figures = [f"{record[key]:.5f}" for key in ("centred_mean", "centred_min", "rank_correlation")]
        yield f"| {place} | {' | '.join([*figures[:2], kept, figures[2]])} |"


def _fidelity_records(manifest: Manifest) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the record of each held-out set by each engine, after the cells that name the two."""
    for engine, records in (("onnxruntime", manifest.fidelity), ("kernels", manifest.kernels_fidelity or {})):
        for name, record in records.items():
            yield f"{name} | {engine}", record


def _reading(manifest: Manifest) -> Iterator[str]:
    """Yield the rules, the share of unknown tokens, and what the result was compared with."""
    for rule in manifest.rules:
        yield f"- {rule_line(rule)}"
    rates, compared = manifest.checkpoint["unknown_per_thousand"], manifest.checkpoint["compared_with"]
    yield f"- unknown tokens in a thousand of biomedical text: {rates['cased']} cased, {rates['uncased']} uncased"
    if compared["loader"] is None:
        yield f"- not compared with the folder's own loader: {compared['reason']}"
        return
    told = f", once told of {' and '.join(compared['told'])}" if compared["told"] else ""
    yield (
        f"- compared with {compared['loader']} on {compared['texts']} texts: equal token ids, equal vectors but for "
        f"rounding{told}"
    )


def _recipe(manifest: Manifest) -> Iterator[str]:
    recipe = manifest.quantization
    if not recipe:
        yield "None: weights and activations are float32."
        return
    calibration, float_sites = recipe["calibration"], recipe["float32_sites"]
    yield f"- `{recipe['recipe']}`: int8 weights ({recipe['weight_bits']} bits, one scale a column), uint8 activations"
    yield "- weights rounded by GPTQ"
    yield f"- smoothing with alpha {recipe['smoothing_alpha']}"
    yield f"- layers with outlier units kept in float32: {', '.join(recipe['outlier_layers']) or 'none'}"
    yield f"- products with a scale for each token: {', '.join(recipe['per_token_sites']) or 'none'}"
    yield f"- products left in float32: {', '.join(float_sites) or 'none'}"
    yield f"- calibrated on {calibration['texts']} texts ({calibration['source']}), sha256 `{calibration['sha256']}`"
