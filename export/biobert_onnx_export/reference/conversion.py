"""optimum's conversion of a checkpoint to ONNX, checked against PyTorch.

This module imports torch, transformers and optimum, which takes many seconds: see `pytorch.py`.
"""

import warnings
from pathlib import Path

import numpy as np
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.tasks import TasksManager
from transformers import PreTrainedModel

from biobert_onnx._types import TokenIds
from biobert_onnx.catalog.published import hidden_states
from biobert_onnx.encoding.ort import onnxruntime
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.reference.pytorch import one_thread_a_run, pytorch_hidden_states
from biobert_onnx_export.reference.vectors import relative_difference

REFERENCE_GRAPH = "reference.onnx"

OPSET = 17
"""The first opset with LayerNormalization: it makes a smaller graph than optimum's default."""

TOLERANCE = 1e-4
"""The largest difference to PyTorch, relative to the largest component; rounding alone gives about 1e-6."""


def converted(model: PreTrainedModel, folder: Path, samples: TokenIds) -> onnxruntime.InferenceSession:
    """Convert `model` to `folder`/reference.onnx and open it, with one thread a run: micro-batches run side by side.

    Raises FidelityError if the hidden states differ from those of `model` on any of the token ids in `samples`.
    """
    convert(model, folder / REFERENCE_GRAPH)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / REFERENCE_GRAPH), options, providers=["CPUExecutionProvider"])
    check_against_pytorch(session, model, samples)
    return session


def convert(model: PreTrainedModel, path: Path) -> None:
    """Write the ONNX graph of `model` to `path`."""
    config_class = TasksManager.get_exporter_config_constructor(
        "onnx", model, task="feature-extraction", library_name="transformers"
    )
    config = config_class(model.config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer and of deprecation; real texts check the graph afterwards
        optimum_export(model, config, path, opset=OPSET)


def check_against_pytorch(session: onnxruntime.InferenceSession, model: PreTrainedModel, samples: TokenIds) -> None:
    """Raise FidelityError if the hidden states of `session` differ from those of `model` on any of `samples`."""
    for ids in samples:
        input_ids = np.array([ids], dtype=np.int64)
        with one_thread_a_run():
            expected = pytorch_hidden_states(model, input_ids)
        difference = relative_difference(hidden_states(session, input_ids), expected)
        if not difference <= TOLERANCE:  # nan fails as well
            raise FidelityError(
                f"optimum's graph differs from PyTorch by {difference:.1e} of the largest component, expected "
                f"at most {TOLERANCE}: install the versions of constraints.txt"
            )
