"""transformers' model on PyTorch: float32 (the reference), bfloat16 and PyTorch's own dynamic int8."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.subjects import Subject
from benchmarks.peers.contender import Load
from benchmarks.peers.padded import Encode, FloatArray, Ints, padded_encode


def load_pytorch(change: Callable[[Any], Any]) -> Load:
    """Return a function that loads transformers' model of the checkpoint and applies `change` to it."""

    def load(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
        import torch
        from transformers import AutoModel, logging

        logging.set_verbosity_error()  # it would list the pooler's weights as missing or unused
        torch.set_num_threads(threads)
        loaded = AutoModel.from_pretrained(subject.checkpoint).eval()
        loaded.pooler = None  # mean pooling needs none, and not every encoder has one
        model = change(loaded)

        @torch.inference_mode()
        def hidden(input_ids: Ints, mask: Ints) -> FloatArray:
            output = model(torch.from_numpy(input_ids), attention_mask=torch.from_numpy(mask))
            states: FloatArray = output.last_hidden_state.float().numpy()
            return states

        return padded_encode(subject, hidden, streams=1)

    return load


def to_bfloat16(model: Any) -> Any:
    """Convert all weights and activations to bfloat16."""
    import torch

    return model.to(torch.bfloat16)


def to_dynamic_int8(model: Any) -> Any:
    """Quantize the linear layers by PyTorch's own dynamic quantization."""
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says that it is deprecated
        return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
