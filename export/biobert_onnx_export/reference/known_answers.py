"""Step 3, known answers: which pooling and casing of the float32 graph give the numbers that were published."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from biobert_onnx.artifact.paths import MODEL_GRAPH
from biobert_onnx.catalog.models import SENTENCES, Model, find
from biobert_onnx.catalog.published import REPRODUCED, hidden_states, largest_distance, word_vectors
from biobert_onnx.encoding.ort import onnxruntime
from biobert_onnx.encoding.sessions import open_session
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.gate import Report
from biobert_onnx_export.gate.measure import pooled

DIGITS = 6
"""Decimals kept in the manifest."""


def known_answers(checkpoint: Checkpoint, folder: Path, *, report: Report) -> dict[str, Any]:
    """How far the float32 model.onnx in `folder` is from the published numbers, each way that was tried.

    Empty for a checkpoint that nothing was published of. Nothing is refused: no one knows how the numbers were made.
    """
    model = find(checkpoint.model)
    if model is None:
        return {}
    session = open_session(folder / MODEL_GRAPH)
    record: dict[str, Any] = {"sentences": [], "words": []}
    for casing in ("cased", "uncased") if checkpoint.vocabulary.cased else ("uncased",):
        for kind, found in _distances(checkpoint, model, session, casing):
            record[kind].append(found)
    for kind, tried in record.items():
        if tried:
            report(f"known answers of {model.name}, {kind}: {_verdict(tried)}")
    return record


def _distances(
    checkpoint: Checkpoint, model: Model, session: onnxruntime.InferenceSession, casing: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What kind of numbers were printed, and how far those are that `casing` and each pooling give."""
    texts = [text.lower() if casing == "uncased" else text for text in SENTENCES]
    encodings = checkpoint.vocabulary.tokenizer().encode_batch(texts)
    hidden = [hidden_states(session, np.array([encoding.ids], dtype=np.int64)) for encoding in encodings]
    for pooling in checkpoint.poolings if model.sentences else ():
        vectors = [pooled(states, checkpoint, pooling)[0] for states in hidden]
        distance = round(largest_distance(model.sentences, vectors), DIGITS)
        yield "sentences", {"casing": casing, "pooling": pooling, "distance": distance}
    if model.words:
        distance = round(largest_distance(model.words, word_vectors(hidden[0][0], encodings[0])), DIGITS)
        yield "words", {"casing": casing, "distance": distance}


def _verdict(tried: list[Mapping[str, Any]]) -> str:
    nearest = min(tried, key=lambda found: float(found["distance"]))
    way = ", ".join(str(value) for key, value in nearest.items() if key != "distance")
    reproduced = "reproduced" if nearest["distance"] <= REPRODUCED else "not reproduced, nearest"
    return f"{reproduced} by {way} (off by at most {nearest['distance']:.6f})"
