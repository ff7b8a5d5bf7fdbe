"""Folders of sentence-transformers export to its own vectors, and it loads the artifact and gives them again."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx.comparison.agreement import cosines
from biobert_onnx_export import export
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.measure import encoder_vectors, model_vectors, parity
from biobert_onnx_export.graph.artifact_graphs import write_graphs
from biobert_onnx_export.graph.network import float_plan
from biobert_onnx_export.reference.texts import TextSets
from biobert_onnx_export.reference.vectors import relative_difference
from tests.support.checkpoints import DIM
from tests.support.folders import write_json
from tests.support.sentence_transformers import (
    TEXTS,
    old_folder,
    onnx_backend,
    saved_by_theirs,
    their_vectors,
    write_dense,
    write_layer_norm,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # sentence-transformers' own, of what its next versions change

PROMPTS = {
    "prompts": {"query": "title of a gene: ", "passage": ""},
    "default_prompt_name": "query",
    "similarity_fn_name": "dot",
}


@dataclass(frozen=True)
class Old:
    """A folder laid out by hand: arguments of `old_folder`, and what fills the folders of the modules after Pooling."""

    options: Mapping[str, Any] = field(default_factory=dict)
    fill: Callable[[Path], None] = lambda folder: None


def pooled(**config: object) -> Old:
    return Old({"pooling": config})


def with_dense(inputs: int, outputs: int, **options: Any) -> Callable[[Path], None]:
    return lambda folder: write_dense(folder / "2_Dense", inputs, outputs, **options)


def fill_chain(folder: Path) -> None:
    write_dense(folder / "3_Dense", 2 * DIM, 40, activation_function="torch.nn.modules.activation.GELU")
    write_layer_norm(folder / "4_LayerNorm", 40)
    write_json(folder / "5_Dropout" / "config.json", {"dropout": 0.5})
    write_dense(folder / "6_Dense", 40, 12, as_pickle=True)


CHAIN = Old(
    {
        "pooling": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
        "more": ["Normalize", "Dense", "LayerNorm", "Dropout", "Dense", "Normalize"],
    },
    fill_chain,
)

OLD = {
    "mean": Old(),
    "no mode": pooled(),
    "cls": pooled(pooling_mode_cls_token=True, pooling_mode_mean_tokens=False),
    "max": pooled(pooling_mode_max_tokens=True),
    "square root": pooled(pooling_mode_mean_sqrt_len_tokens=True),
    "weighted": pooled(pooling_mode_weightedmean_tokens=True),
    "flags": pooled(pooling_mode_mean_tokens=True, pooling_mode_max_tokens=True, pooling_mode_cls_token=True),
    "list": pooled(pooling_mode=["weightedmean", "cls", "mean_sqrt_len_tokens", "max", "mean"]),
    "list of one": pooled(pooling_mode=["max"]),
    "in 0_Transformer": Old({"inside": "0_Transformer"}),
    "sentence_roberta_config.json": Old({"settings_file": "sentence_roberta_config.json"}),
    "short": Old({"settings": {"max_seq_length": 9}}),
    "no limit": Old({"settings": {"max_seq_length": None}}),
    "Dense without activation": Old({"more": ["Dense"]}, with_dense(DIM, 33)),
    "Dense without bias": Old({"more": ["Dense"]}, with_dense(DIM, 100, bias=False, as_pickle=True)),
    "a chain": CHAIN,
    "prompts": Old({"prompts": PROMPTS}),
    "prompts beside a folder": Old({"prompts": PROMPTS, "inside": "0_Transformer"}),
    "empty prompts": Old({"prompts": {"prompts": {}, "default_prompt_name": "query"}}),
    "prompts left out of pooling": Old({"pooling": {"pooling_mode": "mean", "include_prompt": False}}),
} | {
    f"Dense with {each.rpartition('.')[2]}": Old({"more": ["Dense"]}, with_dense(DIM, 33, activation_function=each))
    for each in (
        "torch.nn.modules.activation.ReLU",
        "torch.nn.modules.activation.LeakyReLU",
        "torch.nn.modules.activation.Sigmoid",
        "torch.nn.modules.activation.GELU",
        "torch.nn.modules.linear.Identity",
        "torch.nn.Tanh",
    )
}


def laid_out(checkpoint: Path, folder: Path, old: Old) -> Path:
    old_folder(checkpoint, folder, **old.options)
    old.fill(folder)
    return folder


def check_theirs(folder: Path, work: Path) -> Checkpoint:
    """Check that both float32 graphs of `folder` give sentence-transformers' vectors; returns the checkpoint."""
    checkpoint = Checkpoint.read(str(folder))
    pooling = checkpoint.pooling(None)
    work.mkdir()
    write_graphs(checkpoint, float_plan(checkpoint), work, pooling=pooling)
    tokenizer = checkpoint.vocabulary.tokenizer()
    tokenizer.enable_truncation(checkpoint.max_length(None))
    prompt = checkpoint.modules.prompts.default_text
    ids = [encoding.ids for encoding in tokenizer.encode_batch([prompt + text for text in TEXTS])]
    expected = their_vectors(folder)
    for found in (encoder_vectors(work, ids, dim=checkpoint.dim(pooling)), model_vectors(work, ids)):
        assert found.shape == expected.shape
        assert relative_difference(found, expected) <= 2 * parity(checkpoint, pooling)
    return checkpoint


@pytest.mark.parametrize("name", OLD)
def test_float32_graphs_of_an_old_folder_give_their_vectors(tiny_checkpoint: Path, tmp_path: Path, name: str) -> None:
    check_theirs(laid_out(tiny_checkpoint, tmp_path / "st", OLD[name]), tmp_path / "graphs")


@pytest.mark.parametrize(
    ("limit", "kinds"),
    [
        (16, [("Pooling", DIM, "mean")]),
        (None, [("Pooling", DIM, "weightedmean"), ("Normalize",)]),
        (40, [("Pooling", DIM, ["mean", "cls"]), ("Dense", 2 * DIM, 24), ("LayerNorm", 24), ("Dropout", 0.3)]),
        (None, [("Pooling", DIM, ["max"]), ("Normalize",), ("Dense", DIM, 7, False)]),
    ],
)
def test_float32_graphs_of_a_folder_that_they_saved_give_their_vectors(
    tiny_checkpoint: Path, tmp_path: Path, limit: int | None, kinds: list[tuple[Any, ...]]
) -> None:
    models = pytest.importorskip("sentence_transformers").models
    encoder = old_folder(tiny_checkpoint, tmp_path / "encoder")
    modules = [getattr(models, kind)(*arguments) for kind, *arguments in kinds]
    folder = saved_by_theirs(encoder, tmp_path / "st", *modules, max_seq_length=limit)
    assert "max_seq_length" not in json.loads((folder / "sentence_bert_config.json").read_text())
    checkpoint = check_theirs(folder, tmp_path / "graphs")
    assert checkpoint.max_length(None) == (limit or 128)


@pytest.fixture(scope="module")
def chain(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a chain of modules and a default prompt, as sentence-transformers < 5.4 laid it out."""
    options = {**CHAIN.options, "prompts": PROMPTS}
    return laid_out(tiny_checkpoint, tmp_path_factory.mktemp("chain") / "st", Old(options, CHAIN.fill))


@pytest.fixture(scope="module", params=["int8", "fp32"])
def artifact_of_chain(request: pytest.FixtureRequest, chain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("artifacts") / request.param
    export(chain, folder, precision=request.param, min_cosine=0.9)
    return folder


def test_the_manifest_of_a_chain_says_what_was_read(artifact_of_chain: Path) -> None:
    manifest = Manifest.read(artifact_of_chain)
    assert (manifest.dim, manifest.pooling, manifest.normalized) == (12, "cls+mean", True)
    assert (manifest.prompts, manifest.default_prompt) == (PROMPTS["prompts"], "query")
    assert (manifest.include_prompt, manifest.max_length) == (True, 77)
    assert {"pooling", "max_length", "prompt"} <= {rule["about"] for rule in manifest.rules}


def test_they_load_the_artifact_of_a_chain_and_give_the_vectors_of_its_folder(
    artifact_of_chain: Path, chain: Path
) -> None:
    model = onnx_backend(artifact_of_chain)
    assert (model.default_prompt_name, model.similarity_fn_name, model.max_seq_length) == ("query", "dot", 77)
    found, expected = model.encode(list(TEXTS), batch_size=1), their_vectors(chain)
    assert found.shape == expected.shape == (len(TEXTS), 12)
    assert cosines(found, expected).min() > (0.99 if artifact_of_chain.name == "int8" else 0.9999999)


def test_the_default_prompt_stands_before_every_text_that_is_measured(artifact_of_chain: Path, chain: Path) -> None:
    checkpoint, texts = Checkpoint.read(str(chain)), TextSets.read(None).held_out["general"]
    tokenizer = checkpoint.vocabulary.tokenizer()
    tokenizer.enable_truncation(77)
    ids = [encoding.ids for encoding in tokenizer.encode_batch([f"title of a gene: {text}" for text in texts])]
    cosine = cosines(encoder_vectors(artifact_of_chain, ids, dim=12), their_vectors(chain, texts))
    record = Manifest.read(artifact_of_chain).fidelity["general"]
    assert record["cosine_mean"] == pytest.approx(cosine.mean(), abs=2e-6)
    assert record["cosine_min"] == pytest.approx(cosine.min(), abs=2e-6)


@pytest.mark.parametrize(
    "pooling", ["max", "mean_sqrt_len_tokens", "weightedmean", "cls+mean", "mean+cls", "max+mean+max"]
)
def test_they_load_the_side_files_of_every_pooling(tiny_checkpoint: Path, tmp_path: Path, pooling: str) -> None:
    manifest = export(tiny_checkpoint, tmp_path / "artifact", pooling=pooling, precision="fp32")
    assert (manifest.pooling, manifest.dim) == (pooling, DIM * len(pooling.split("+")))
    expected = SentenceEncoder(tmp_path / "artifact").encode(TEXTS)
    found = onnx_backend(tmp_path / "artifact").encode(list(TEXTS), batch_size=1)
    assert relative_difference(found, expected) <= 1e-5


def test_a_pooling_with_the_pooler_has_no_modules_for_them(tiny_checkpoint: Path, tmp_path: Path) -> None:
    manifest = export(tiny_checkpoint, tmp_path / "artifact", pooling="pooler+mean", precision="fp32")
    assert (manifest.pooling, manifest.dim) == ("pooler+mean", 2 * DIM)
    assert not (tmp_path / "artifact" / "modules.json").exists()
    parts = [
        SentenceEncoder(tmp_path / "artifact").encode(TEXTS, truncate_dim=dim)[:, start:]
        for start, dim in ((0, DIM), (DIM, 2 * DIM))
    ]
    assert np.abs(parts[0]).max() <= 1
    assert relative_difference(parts[1], onnx_mean(tmp_path / "artifact")) <= 1e-5


def onnx_mean(artifact: Path) -> np.ndarray:
    """The mean of model.onnx's last hidden states, text by text."""
    from biobert_onnx.catalog.published import hidden_states
    from biobert_onnx.encoding.sessions import open_session

    session, encoder = open_session(artifact / "model.onnx"), SentenceEncoder(artifact)
    ids = encoder._pipeline.tokenizer.token_ids(TEXTS)
    return np.vstack([hidden_states(session, np.array([each])).mean(axis=1) for each in ids])
