"""The reference: optimum's float32 graph of the checkpoint, whose vectors every later graph is compared with."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.catalog.published import hidden_states
from biobert_onnx.embeddings import scale_to_unit_length
from biobert_onnx.encoding.ort import onnxruntime
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference.vectors import pool, vectors_of

REFERENCE_GRAPH = "reference.onnx"


class Reference:
    """The float32 encoder of a checkpoint; its vectors are pooled and scaled like those of the artifact."""

    def __init__(self, checkpoint: Checkpoint, folder: Path, *, pooling: str, samples: TokenIds) -> None:
        """Convert `checkpoint` to `folder`/reference.onnx and check it against PyTorch on the token ids of `samples`.

        Raises FidelityError if the hidden states differ from PyTorch's.
        """
        from biobert_onnx_export.reference.conversion import check_against_pytorch, convert, pytorch_model

        self._checkpoint = checkpoint
        self._pooling = pooling
        model = pytorch_model(checkpoint)
        convert(model, folder / REFERENCE_GRAPH)
        self._session = _open_single_threaded(folder / REFERENCE_GRAPH)
        check_against_pytorch(self._session, model, samples)

    def embeddings(self, token_ids: TokenIds) -> FloatArray:
        """Compute the reference vectors of `token_ids`, (texts, dim) float32."""
        return vectors_of(self._embed, token_ids, dim=self._checkpoint.geometry.hidden_size)

    def hidden_states(self, input_ids: NDArray[np.int64]) -> FloatArray:
        """Compute the last layer's output (texts, tokens, dim) for `input_ids` (texts, tokens), without padding."""
        return hidden_states(self._session, input_ids)

    def _embed(self, input_ids: NDArray[np.int64]) -> FloatArray:
        vectors = pool(self.hidden_states(input_ids), self._checkpoint, self._pooling)
        if self._checkpoint.modules.normalized:
            scale_to_unit_length(vectors)
        return vectors


def _open_single_threaded(graph: Path) -> onnxruntime.InferenceSession:
    """Open `graph` with one thread for each run: micro-batches run side by side."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
