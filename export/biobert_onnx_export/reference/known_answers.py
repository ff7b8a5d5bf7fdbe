"""Known answers: the pooling and casing of the float32 reference that give the numbers published of a checkpoint."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from biobert_onnx.catalog.models import SENTENCES, Model, find
from biobert_onnx.catalog.published import REPRODUCED, largest_distance, word_vectors
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.vectors import pool

PUBLISHED_POOLINGS = ("mean", "cls", "pooler")
"""The poolings that the published numbers may have been made with."""

DIGITS = 6
"""Decimals of a distance in the manifest."""


def known_answers(checkpoint: Checkpoint, reference: Reference) -> dict[str, Any]:
    """Measure how far the reference is from the published numbers, for each casing and pooling.

    Returns a list of records for "sentences" and one for "words"; an empty dictionary for a checkpoint without
    published numbers. No distance is an error: the page does not say how the numbers were made.
    """
    model = find(checkpoint.model)
    if model is None:
        return {}
    answers: dict[str, Any] = {"sentences": [], "words": []}
    for casing in ("cased", "uncased") if checkpoint.vocabulary.cased else ("uncased",):
        for kind, record in _measure(checkpoint, model, reference, casing):
            answers[kind].append(record)
    return answers


def describe_answers(checkpoint: Checkpoint, answers: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line for sentences and one for words: the nearest way and its distance."""
    for kind, records in answers.items():
        if records:
            yield f"known answers of {checkpoint.model}, {kind}: {_verdict(records)}"


def _measure(
    checkpoint: Checkpoint, model: Model, reference: Reference, casing: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the kind of the published numbers and the distance to them, for `casing` and every pooling."""
    texts = [text.lower() if casing == "uncased" else text for text in SENTENCES]
    encodings = checkpoint.vocabulary.tokenizer().encode_batch(texts)
    hidden = [reference.hidden_states(np.array([encoding.ids], dtype=np.int64)) for encoding in encodings]
    tried = [pooling for pooling in PUBLISHED_POOLINGS if pooling in checkpoint.poolings]
    for pooling in tried if model.sentences else ():
        vectors = [pool(states, checkpoint, pooling)[0] for states in hidden]
        distance = round(largest_distance(model.sentences, vectors), DIGITS)
        yield "sentences", {"casing": casing, "pooling": pooling, "distance": distance}
    if model.words:
        distance = round(largest_distance(model.words, word_vectors(hidden[0][0], encodings[0])), DIGITS)
        yield "words", {"casing": casing, "distance": distance}


def _verdict(records: list[Mapping[str, Any]]) -> str:
    nearest = min(records, key=lambda record: float(record["distance"]))
    way = ", ".join(str(value) for key, value in nearest.items() if key != "distance")
    reproduced = "reproduced" if nearest["distance"] <= REPRODUCED else "not reproduced, nearest"
    return f"{reproduced} by {way} (off by at most {nearest['distance']:.6f})"
