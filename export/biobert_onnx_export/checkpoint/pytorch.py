"""Weights that PyTorch or safetensors saved."""

import pickle
from pathlib import Path

from safetensors import SafetensorError

from biobert_onnx._types import FloatArray
from biobert_onnx_export.errors import CheckpointError


def read_state_dict(path: Path) -> dict[str, FloatArray]:
    """Read every tensor of a .safetensors file or of a pickled state_dict, as float32 under its own name.

    A pickle is loaded with `weights_only`, so the code in a hostile one does not run. Raises CheckpointError if the
    file is damaged or holds anything but a dictionary of tensors.
    """
    import safetensors.torch  # takes seconds to import: a wrong path or config is reported before
    import torch

    try:
        if path.suffix == ".safetensors":
            tensors = safetensors.torch.load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f"'{path}' cannot be read ({reason[0]:.200}): download it again") from error
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise CheckpointError(f"'{path}' holds no dictionary of tensors: save the model's state_dict()")
    return {name: tensor.to(torch.float32).numpy() for name, tensor in tensors.items()}
