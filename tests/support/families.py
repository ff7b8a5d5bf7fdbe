"""Tiny checkpoints of every family of encoders: seeded weights as transformers' own classes save them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from biobert_onnx._types import FloatArray
from biobert_onnx_export.checkpoint.families import FAMILIES
from tests.support.folders import UNCASED
from tests.support.tokenizers import MPNET_UNCASED, write_roberta_tokenizer, write_vocabulary

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


def write_family(folder: Path, model_type: str, *, kind: str | None = None, **sizes: Any) -> Path:
    """Write a tiny checkpoint of a family, its tokenizer and seeded weights; returns `folder`.

    `kind`: the name of transformers' class, the family's encoder by default. `sizes`: other ones than SIZES.
    """
    if model_type == "roberta":
        write_roberta_tokenizer(folder)
    else:
        write_vocabulary(folder, MPNET_UNCASED if model_type == "mpnet" else UNCASED, {"model_type": model_type})
    words = json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    return write_weights(folder, model_type, words=words, kind=kind, **sizes)


def write_weights(folder: Path, model_type: str, *, words: int, kind: str | None = None, **sizes: Any) -> Path:
    """Write config.json and seeded weights of a tiny encoder with `words` word vectors into `folder`.

    Positions that RoBERTa leaves to padding come on top of those that are asked for.
    """
    family = FAMILIES[model_type]
    chosen = {**SIZES, "vocab_size": words, **sizes}
    if family.counts_from_padding:
        chosen["max_position_embeddings"] += chosen["padding_id"] + 1
    config = getattr(transformers, f"{family.transformers}Config")(
        **{key: chosen[name] for name, key in family.keys.items()}, initializer_range=0.15
    )
    torch.manual_seed(7)
    getattr(transformers, kind or family.model_class)(config).eval().save_pretrained(folder)
    return folder


def hidden_states(folder: Path, texts: Sequence[str], *, max_length: int) -> list[FloatArray]:
    """Return the last layer's output (tokens, dim) for each of `texts` alone, by AutoModel and AutoTokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    states = []
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=max_length)
        with torch.inference_mode():
            states.append(np.asarray(model(**inputs).last_hidden_state[0].numpy()))
    return states
