"""The float32 encoder in PyTorch: the family's model of transformers with a checkpoint's tensors.

This module imports torch and transformers, which takes many seconds. `Reference` imports it only when it needs the
model, so that a mistake in the checkpoint or in an argument is reported before.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import PreTrainedModel

from biobert_onnx._types import FloatArray
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint


def pytorch_model(checkpoint: Checkpoint) -> PreTrainedModel:
    """Build the family's model of transformers with the checkpoint's tensors; every parameter is set."""
    family = checkpoint.geometry.family
    config = getattr(transformers, f"{family.transformers}Config")(
        **checkpoint.geometry.config(), attn_implementation="eager"
    )
    pooler = {"add_pooling_layer": "pooler" in checkpoint.poolings} if family.has_pooler else {}
    model: PreTrainedModel = getattr(transformers, family.model_class)(config, **pooler)
    model.load_state_dict(state_dict(checkpoint), strict=True)
    model.eval()
    return model


def state_dict(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Return the checkpoint's tensors as PyTorch's, on the same memory, under the names of its family."""
    family = checkpoint.geometry.family
    return {family.own_name(name): torch.from_numpy(array) for name, array in checkpoint.tensors.items()}


def pytorch_hidden_states(
    model: PreTrainedModel, input_ids: NDArray[np.int64], token_types: NDArray[np.int64] | None = None
) -> FloatArray:
    """Compute the last layer's output (texts, tokens, dim) for `input_ids` (texts, tokens), without padding.

    `token_types`: (texts, tokens), None if all are 0.
    """
    types = {} if token_types is None else {"token_type_ids": torch.from_numpy(token_types)}
    with torch.inference_mode():
        output = model(torch.from_numpy(input_ids), **types)
        hidden: FloatArray = output.last_hidden_state.numpy()
    return hidden


@contextmanager
def one_thread_a_run() -> Iterator[None]:
    """Let each run of a PyTorch model take one thread: micro-batches run side by side, and would wait for each other.

    PyTorch's threads spin while they wait for their part of an operation. Where all CPUs are busy, an operation that
    takes microseconds then takes 20 ms.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
