"""Step 2, the reference: optimum's float32 graph of the checkpoint, validated against PyTorch.

Its vectors are the right answer that every later graph is measured against.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.onnx.model_configs import BertOnnxConfig
from transformers import BertConfig, BertModel

from biobert_onnx._types import FloatArray
from biobert_onnx.catalog.published import hidden_states
from biobert_onnx.embeddings import scale_to_unit_length
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.gate.measure import embeddings_of, pooled

OPSET = 17
"""The first with LayerNormalization: a smaller graph than optimum's default."""

TOLERANCE = 1e-4
"""Largest difference to PyTorch allowed, relative to the largest component; rounding alone gives about 1e-6."""


class Reference:
    """The float32 vectors of a checkpoint, pooled and normalized as the artifact will."""

    def __init__(self, checkpoint: Checkpoint, folder: Path, *, pooling: str, samples: Sequence[Sequence[int]]) -> None:
        """Convert the checkpoint into `folder`/reference.onnx and validate it on the token ids of `samples`.

        Raises FidelityError if the graph's hidden states differ from PyTorch's.
        """
        self._checkpoint = checkpoint
        self._pooling = pooling
        model = _bert_model(checkpoint)
        path = folder / "reference.onnx"
        _convert(model, path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._validate(model, samples)

    def embeddings(self, token_ids: Sequence[Sequence[int]]) -> FloatArray:
        """The reference vectors of `token_ids`, (texts, dim) float32."""
        return embeddings_of(self._run, token_ids, dim=self._checkpoint.geometry.hidden_size)

    def _run(self, input_ids: NDArray[np.int64], threads: int) -> FloatArray:
        vectors = pooled(hidden_states(self._session, input_ids), self._checkpoint, self._pooling)
        if self._checkpoint.modules.normalized:
            scale_to_unit_length(vectors)
        return vectors

    def _validate(self, model: BertModel, samples: Sequence[Sequence[int]]) -> None:
        for ids in samples:
            input_ids = np.array([ids], dtype=np.int64)
            with torch.inference_mode():
                expected = model(torch.from_numpy(input_ids)).last_hidden_state.numpy()
            difference = np.abs(hidden_states(self._session, input_ids) - expected).max() / np.abs(expected).max()
            if not difference <= TOLERANCE:
                raise FidelityError(
                    f"optimum's graph differs from PyTorch by {difference:.1e} of the largest component, expected "
                    f"at most {TOLERANCE}: install the versions of constraints.txt"
                )


def _bert_model(checkpoint: Checkpoint) -> BertModel:
    """transformers' BertModel with the checkpoint's tensors, every parameter set."""
    geometry = checkpoint.geometry
    config = BertConfig(**vars(geometry), attn_implementation="eager")
    model = BertModel(config, add_pooling_layer="pooler" in checkpoint.poolings)
    state = {name: torch.from_numpy(array) for name, array in checkpoint.tensors.items()}
    model.load_state_dict(state, strict=True)
    model.eval()
    return model


def _convert(model: BertModel, path: Path) -> None:
    config = BertOnnxConfig(model.config, task="feature-extraction")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracer and deprecation warnings: the graph is validated on real texts below
        optimum_export(model, config, path, opset=OPSET)
