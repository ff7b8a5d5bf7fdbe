"""Tiny checkpoints of every family of encoders: seeded weights as transformers' own classes save them."""

from pathlib import Path
from typing import Any

import torch
import transformers

from biobert_onnx_export.checkpoint.families import FAMILIES

SIZES: dict[str, Any] = {
    "hidden_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "embedding_size": 128,
    "relative_attention_num_buckets": 32,
    "layer_norm_eps": 1e-5,
    "hidden_act": "gelu",
    "padding_id": 1,
}
"""Sizes that every engine takes, under the names of EncoderGeometry; a family's config has those that it knows."""


def write_weights(folder: Path, model_type: str, *, words: int, **sizes: Any) -> Path:
    """Write config.json and seeded weights of a tiny encoder with `words` word vectors into `folder`.

    `sizes`: other ones than SIZES. Positions that RoBERTa leaves to padding come on top.
    """
    family = FAMILIES[model_type]
    chosen = {**SIZES, "vocab_size": words, **sizes}
    if family.counts_from_padding:
        chosen["max_position_embeddings"] += chosen["padding_id"] + 1
    config = getattr(transformers, f"{family.transformers}Config")(
        **{key: chosen[name] for name, key in family.keys.items()}, initializer_range=0.15
    )
    torch.manual_seed(7)
    getattr(transformers, family.model_class)(config).eval().save_pretrained(folder)
    return folder
