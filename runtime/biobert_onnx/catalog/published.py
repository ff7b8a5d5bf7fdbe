"""Published numbers of a checkpoint's vectors, its known answers, and the distance of a graph's vectors to them."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.manifest import LAST, Manifest
from biobert_onnx.artifact.paths import MODEL_GRAPH, TOKENIZER
from biobert_onnx.catalog.models import SENTENCES, Model
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.ort import onnxruntime
from biobert_onnx.encoding.sessions import inputs_taken, open_session
from biobert_onnx.errors import ArtifactError

REPRODUCED = 1e-4
"""The largest difference of float32 vectors to the printed numbers that counts as the same: rounding, but no more."""

ELLIPSIS = "..."
"""Ends a printed number whose last digits the page leaves out."""


def distance(printed: str, vector: FloatArray) -> float:
    """Return the largest distance of the first numbers of `vector` to those of `printed`, one for one.

    A number that ends in "..." stands for all that begin with its digits.

    >>> vector = np.array([0.25, -0.598], dtype=np.float32)
    >>> distance("0.5, -0.59...", vector), distance("0.25, -0.5...", vector)
    (0.25, 0.0)
    """
    return max(_distance(number, float(value)) for number, value in zip(printed.split(", "), vector, strict=False))


def _distance(number: str, value: float) -> float:
    digits = number.removesuffix(ELLIPSIS)
    sign = -1 if digits.startswith("-") else 1
    least = abs(Decimal(digits))
    unit = Decimal(1).scaleb(int(least.as_tuple().exponent)) if number.endswith(ELLIPSIS) else Decimal(0)
    return max(float(least) - sign * value, sign * value - float(least + unit), 0.0)


def largest_distance(printed: Sequence[str], vectors: Sequence[FloatArray] | FloatArray) -> float:
    """Return the largest distance of `vectors` to the numbers that are `printed` of each."""
    return max(distance(numbers, vector) for numbers, vector in zip(printed, vectors, strict=True))


def hidden_states(
    session: onnxruntime.InferenceSession, input_ids: NDArray[np.int64], token_types: NDArray[np.int64] | None = None
) -> FloatArray:
    """Return the last layer's output (texts, tokens, dim) of the graph in `session`, a model.onnx.

    `input_ids`: (texts, tokens) int64, texts of one length. `token_types`: (texts, tokens), None if all are 0.
    """
    inputs = {
        "input_ids": input_ids,
        "attention_mask": np.ones_like(input_ids),
        "token_type_ids": np.zeros_like(input_ids) if token_types is None else token_types,
    }
    hidden: FloatArray = session.run(["last_hidden_state"], inputs_taken(session, inputs))[0]
    return hidden


def word_vectors(hidden: FloatArray, encoding: Encoding) -> list[FloatArray]:
    """Return the vector (dim,) of each word of a text: that of its first WordPiece in `hidden` (tokens, dim)."""
    words = sorted({word for word in encoding.word_ids if word is not None})
    return [hidden[encoding.word_ids.index(word)] for word in words]


def verify_known_answers(folder: Path, manifest: Manifest, model: Model) -> Iterator[str]:
    """Yield a line for each kind of numbers published of `model`: how far the artifact in `folder` is from them.

    Raises ArtifactError after the last line if the vectors of a float32 artifact are others.
    """
    distances = _distances(folder, manifest, model)
    if model.words and manifest.is_packed and LAST not in manifest.token_layers:
        yield f"known answers of {model.name}, words: not compared, as a packed artifact has no {MODEL_GRAPH}"
    for kind, found in distances.items():
        in_float32 = "" if manifest.precision == "fp32" else f"; in float32 by {_at_export(manifest, kind)}"
        yield f"known answers of {model.name}, {kind}: off by at most {found:.6f}{in_float32}"
    farthest = max(distances.values(), default=0.0)
    if manifest.precision == "fp32" and not farthest <= REPRODUCED:
        raise ArtifactError(
            f"the vectors of '{folder}' are off by {farthest:.6f} from those published of {model.name}, expected at "
            f"most {REPRODUCED}: its checkpoint is another one than its name says; the published one is {model.where}"
        )


def _distances(folder: Path, manifest: Manifest, model: Model) -> dict[str, float]:
    """Distances of the artifact's "words", and of its "sentences" if they are made as the published ones are."""
    distances = {}
    if model.sentences and manifest.pooling in _published_poolings(manifest) and _is_pooled_text(manifest, model):
        vectors = SentenceEncoder(folder, max_length=manifest.max_positions).encode(SENTENCES)
        distances["sentences"] = largest_distance(model.sentences, vectors)
    if model.words and LAST in manifest.token_layers:
        encoder = SentenceEncoder(folder, max_length=manifest.max_positions)
        (words,) = encoder.encode_tokens(SENTENCES[:1], words=True, word_pooling="first", prompt="")
        distances["words"] = largest_distance(model.words, words.embeddings)
    elif model.words and not manifest.is_packed:
        encoding = Tokenizer.from_file(str(folder / TOKENIZER)).encode(SENTENCES[0])
        (hidden,) = hidden_states(open_session(folder / MODEL_GRAPH), np.array([encoding.ids], dtype=np.int64))
        distances["words"] = largest_distance(model.words, word_vectors(hidden, encoding))
    return distances


def _tried(manifest: Manifest, kind: str) -> list[Mapping[str, Any]]:
    """The distances that the export found in float32 with the artifact's own casing."""
    tried = manifest.checkpoint.get("known_answers", {}).get(kind, ())
    return [record for record in tried if record["casing"] == manifest.casing]


def _published_poolings(manifest: Manifest) -> set[str]:
    """The poolings that gave the printed numbers at export; if none did, mean: Spark NLP 2.6's, as its history says."""
    tried = _tried(manifest, "sentences")
    return {record["pooling"] for record in tried if record["distance"] <= REPRODUCED} or {"mean"}


def _is_pooled_text(manifest: Manifest, model: Model) -> bool:
    """Whether vectors are what pooling gives: no prompt comes before it, and no module after it."""
    prompt = manifest.prompts.get(manifest.default_prompt or "", "")
    return manifest.dim == model.dim and not manifest.normalized and not prompt


def _at_export(manifest: Manifest, kind: str) -> str:
    found = [r["distance"] for r in _tried(manifest, kind) if r.get("pooling", manifest.pooling) == manifest.pooling]
    return f"{min(found):.6f}" if found else "an amount that was not recorded"
