"""Small checkpoints in the formats that users have, and vectors of transformers' own BertModel to compare with."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from transformers import BertConfig, BertModel, BertTokenizerFast

TINY = BertConfig(
    vocab_size=2000,
    hidden_size=128,
    num_hidden_layers=4,
    num_attention_heads=4,
    intermediate_size=256,
    max_position_embeddings=128,
    initializer_range=0.08,
    layer_norm_eps=1e-12,
)
"""A geometry that every engine takes: widths are multiples of 64, and heads have 32."""

DIM: int = TINY.hidden_size

Tensors = dict[str, torch.Tensor]


def copy_of(checkpoint: Path, folder: Path, change: Callable[[Tensors], Tensors] = lambda tensors: tensors) -> Path:
    """`folder`, a copy of `checkpoint` whose tensors went through `change`."""
    shutil.copytree(checkpoint, folder)
    tensors = change(safetensors.torch.load_file(folder / "model.safetensors"))
    safetensors.torch.save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors"
    )
    return folder


def edit_json(path: Path, **changes: object) -> None:
    """Set keys of the JSON object in `path`; None removes a key."""
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def transformers_vectors(
    checkpoint: Path, texts: Sequence[str], *, pooling: str, lower_case: bool, max_length: int
) -> NDArray[np.float32]:
    """The vectors (texts, dim) that transformers gives each of `texts` alone, in float32."""
    model = BertModel.from_pretrained(checkpoint).eval()
    tokenizer = BertTokenizerFast(str(checkpoint / "vocab.txt"), do_lower_case=lower_case)
    rows = []
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=max_length)
        with torch.inference_mode():
            output = model(**inputs)
        hidden = output.last_hidden_state[0]
        pooled = {"mean": hidden.mean(dim=0), "cls": hidden[0], "pooler": output.pooler_output[0]}[pooling]
        rows.append(pooled.numpy())
    return np.array(rows)
