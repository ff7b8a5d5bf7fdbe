"""The reference: the float32 encoder of the checkpoint, whose vectors every later graph is compared with.

It is optimum's ONNX graph where optimum is installed, checked against PyTorch, and PyTorch's own model where it is not.
"""

from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.catalog.published import hidden_states
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference.after_pooling import apply
from biobert_onnx_export.reference.vectors import pool, vectors_of


class Reference:
    """The float32 encoder of a checkpoint; its vectors are pooled and scaled like those of the artifact.

    `maker`: the distribution that computes it and its version.
    """

    def __init__(self, checkpoint: Checkpoint, folder: Path, *, pooling: str, samples: TokenIds) -> None:
        """Make the encoder of `checkpoint`; `folder` takes optimum's graph, which is checked on the ids of `samples`.

        Raises FidelityError if that graph's hidden states differ from PyTorch's.
        """
        from biobert_onnx_export.reference.pytorch import one_thread_a_run, pytorch_hidden_states, pytorch_model

        self._checkpoint = checkpoint
        self._pooling = pooling
        model = pytorch_model(checkpoint)
        if has_optimum():
            from biobert_onnx_export.reference.conversion import converted

            self.maker = _named("optimum-onnx")
            self._compute = partial(hidden_states, converted(model, folder, samples))
        else:
            self.maker = _named("torch")
            self._compute = partial(pytorch_hidden_states, model)
        self._context = one_thread_a_run

    def embeddings(self, token_ids: TokenIds) -> FloatArray:
        """Compute the reference vectors of `token_ids`, (texts, dim) float32."""
        with self._context():
            return vectors_of(self.embed, token_ids, dim=self._checkpoint.dim(self._pooling))

    def hidden_states(self, input_ids: NDArray[np.int64], token_types: NDArray[np.int64] | None = None) -> FloatArray:
        """Compute the last layer's output (texts, tokens, dim) for `input_ids` (texts, tokens), without padding.

        `token_types`: (texts, tokens), None if all are 0.
        """
        return self._compute(input_ids, token_types)

    def embed(self, input_ids: NDArray[np.int64], token_types: NDArray[np.int64] | None = None) -> FloatArray:
        """Compute the vectors of one micro-batch `input_ids` (texts, tokens), without padding, (texts, dim)."""
        pooled = pool(self.hidden_states(input_ids, token_types), self._checkpoint, self._pooling)
        return apply(self._checkpoint.modules.after_pooling, pooled)


def has_optimum() -> bool:
    """Tell whether optimum's converter to ONNX is installed."""
    try:
        return find_spec("optimum.exporters.onnx") is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def _named(distribution: str) -> str:
    return f"{distribution} {version(distribution)}"
