"""Step 3, known answers: which pooling and casing of the float32 graph give the numbers that were published."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from biobert_onnx.artifact import MODEL_GRAPH
from biobert_onnx.known_answers import REPRODUCED, Floats, hidden_states, largest_distance, word_rows
from biobert_onnx.models import SENTENCES, Model, find
from biobert_onnx.session import open_session
from biobert_onnx_export.checkpoint import Checkpoint
from biobert_onnx_export.gate import Report

DIGITS = 6
"""Decimals kept in the manifest."""


def known_answers(checkpoint: Checkpoint, folder: Path, *, report: Report) -> dict[str, Any]:
    """How far the float32 model.onnx in `folder` is from the published numbers, each way that was tried.

    Empty for a checkpoint that nothing was published of. Nothing is refused: no one knows how the numbers were made.
    """
    model = find(checkpoint.model)
    if model is None:
        return {}
    record: dict[str, Any] = {"sentences": [], "words": []}
    for casing in ("cased", "uncased") if checkpoint.vocabulary.cased else ("uncased",):
        for kind, found in _distances(checkpoint, model, folder, casing).items():
            record[kind] += found
    for kind, tried in record.items():
        if tried:
            report(f"known answers of {model.name}, {kind}: {_verdict(tried)}")
    return record


def _distances(checkpoint: Checkpoint, model: Model, folder: Path, casing: str) -> dict[str, list[dict[str, Any]]]:
    texts = [text.lower() if casing == "uncased" else text for text in SENTENCES]
    encodings = checkpoint.vocabulary.tokenizer().encode_batch(texts)
    session = open_session(folder / MODEL_GRAPH)
    hidden = [hidden_states(session, encoding) for encoding in encodings]
    sentences = [
        {"casing": casing, "pooling": pooling, "distance": round(largest_distance(model.sentences, vectors), DIGITS)}
        for pooling, vectors in _pooled(checkpoint, hidden).items()
        if model.sentences
    ]
    words = [
        {"casing": casing, "distance": round(largest_distance(printed, word_rows(hidden[0], encodings[0])), DIGITS)}
        for printed in [model.words]
        if printed
    ]
    return {"sentences": sentences, "words": words}


def _pooled(checkpoint: Checkpoint, hidden: list[Floats]) -> dict[str, list[Floats]]:
    """The vectors of each pooling that the checkpoint has weights for."""
    pooled = {"mean": [states.mean(axis=0) for states in hidden], "cls": [states[0] for states in hidden]}
    tensors = checkpoint.tensors
    if "pooler.dense.weight" in tensors:
        weight, bias = tensors["pooler.dense.weight"], tensors["pooler.dense.bias"]
        pooled["pooler"] = [np.tanh(weight @ states[0] + bias) for states in hidden]
    return pooled


def _verdict(tried: list[Mapping[str, Any]]) -> str:
    nearest = min(tried, key=lambda found: float(found["distance"]))
    way = ", ".join(str(value) for key, value in nearest.items() if key != "distance")
    reproduced = "reproduced" if nearest["distance"] <= REPRODUCED else "not reproduced, nearest"
    return f"{reproduced} by {way} (off by at most {nearest['distance']:.6f})"
