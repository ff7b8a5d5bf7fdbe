"""optimum's conversion of a checkpoint to ONNX, checked against PyTorch.

This module imports torch, transformers and optimum, which takes many seconds. `Reference` imports it only when it
converts, so that a mistake in the checkpoint or in an argument is reported before.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.onnx.model_configs import BertOnnxConfig
from transformers import BertConfig, BertModel

from biobert_onnx._types import TokenIds
from biobert_onnx.catalog.published import hidden_states
from biobert_onnx.encoding.ort import onnxruntime
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.reference.vectors import relative_difference

OPSET = 17
"""The first opset with LayerNormalization: it makes a smaller graph than optimum's default."""

TOLERANCE = 1e-4
"""The largest difference to PyTorch, relative to the largest component; rounding alone gives about 1e-6."""


def pytorch_model(checkpoint: Checkpoint) -> BertModel:
    """Build transformers' BertModel with the checkpoint's tensors; every parameter is set."""
    config = BertConfig(**vars(checkpoint.geometry), attn_implementation="eager")
    model = BertModel(config, add_pooling_layer="pooler" in checkpoint.poolings)
    state = {name: torch.from_numpy(array) for name, array in checkpoint.tensors.items()}
    model.load_state_dict(state, strict=True)
    model.eval()
    return model


def convert(model: BertModel, path: Path) -> None:
    """Write the ONNX graph of `model` to `path`."""
    config = BertOnnxConfig(model.config, task="feature-extraction")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer and of deprecation; real texts check the graph afterwards
        optimum_export(model, config, path, opset=OPSET)


def check_against_pytorch(session: onnxruntime.InferenceSession, model: BertModel, samples: TokenIds) -> None:
    """Raise FidelityError if the hidden states of `session` differ from those of `model` on any of `samples`."""
    for ids in samples:
        input_ids = np.array([ids], dtype=np.int64)
        with torch.inference_mode():
            expected = model(torch.from_numpy(input_ids)).last_hidden_state.numpy()
        difference = relative_difference(hidden_states(session, input_ids), expected)
        if not difference <= TOLERANCE:  # nan fails as well
            raise FidelityError(
                f"optimum's graph differs from PyTorch by {difference:.1e} of the largest component, expected "
                f"at most {TOLERANCE}: install the versions of constraints.txt"
            )
