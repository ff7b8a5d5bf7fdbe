"""Vectors of token ids from any graph, by the runtime's own scheduler, so that export measures what users will run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.micro_batches import Run, run_micro_batches
from biobert_onnx.encoding.sessions import open_session
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint


def embeddings_of(run: Run, token_ids: Sequence[Sequence[int]], *, dim: int) -> FloatArray:
    """The vectors of `token_ids`, (texts, dim) float32, on every CPU this process may use."""
    out = np.empty((len(token_ids), dim), dtype=np.float32)
    for _ in run_micro_batches(run, token_ids, out=out, threads=usable_cpus()):
        pass
    return out


def pooled(hidden: FloatArray, checkpoint: Checkpoint, pooling: str) -> FloatArray:
    """The vectors (texts, dim) of the last layer's output `hidden` (texts, tokens, dim), none of it padding."""
    if pooling == "mean":
        mean: FloatArray = hidden.mean(axis=1)
        return mean
    if pooling == "cls":
        return hidden[:, 0].copy()
    weight, bias = checkpoint.tensors["pooler.dense.weight"], checkpoint.tensors["pooler.dense.bias"]
    vectors: FloatArray = np.tanh(hidden[:, 0] @ weight.T + bias)
    return vectors


def encoder_embeddings(graph: Path, token_ids: Sequence[Sequence[int]], *, dim: int) -> FloatArray:
    """The vectors that encoder.onnx at `graph` gives `token_ids`, (texts, dim) float32."""
    session = open_session(graph)
    return embeddings_of(lambda ids, threads: session.run(["embeddings"], {"input_ids": ids})[0], token_ids, dim=dim)


def model_embeddings(graph: Path, token_ids: Sequence[Sequence[int]]) -> FloatArray:
    """The `sentence_embedding` that model.onnx at `graph` gives `token_ids` as one padded batch, (texts, dim)."""
    longest = max(len(ids) for ids in token_ids)
    input_ids = np.array([[*ids, *[0] * (longest - len(ids))] for ids in token_ids], dtype=np.int64)
    mask = np.array([[1] * len(ids) + [0] * (longest - len(ids)) for ids in token_ids], dtype=np.int64)
    inputs = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros_like(input_ids)}
    embeddings: FloatArray = open_session(graph).run(["sentence_embedding"], inputs)[0]
    return embeddings
