"""The files beside the graphs: tokenizer and configs, with which other tools load the folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from biobert_onnx.artifact.paths import TOKENIZER
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.pooling import LEGACY_MODES, POOLER, modes
from biobert_onnx_export.checkpoint.prompts import FILE as PROMPTS
from biobert_onnx_export.checkpoint.prompts import MODEL_TYPE, Prompts
from biobert_onnx_export.checkpoint.sentence_modules import Dense, LayerNorm

SENTENCE_TRANSFORMERS = "sentence_transformers.models"
"""The package of the module types in modules.json, which every version knows."""

OLDEST_FLAGS = (
    "pooling_mode_cls_token",
    "pooling_mode_mean_tokens",
    "pooling_mode_max_tokens",
    "pooling_mode_mean_sqrt_len_tokens",
)
"""Keys of Pooling's settings that its first versions knew; some programs read no other."""


def write_side_files(checkpoint: Checkpoint, folder: Path, *, pooling: str, max_length: int) -> None:
    """Write the tokenizer and the configs into `folder`: everything but graphs, model card and manifest."""
    (folder / TOKENIZER).write_text(
        checkpoint.vocabulary.tokenizer().to_str(pretty=True), encoding="utf-8", newline="\n"
    )
    _write_json(folder / "config.json", _config(checkpoint))
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(checkpoint, max_length))
    _write_json(folder / "special_tokens_map.json", checkpoint.vocabulary.special_names)
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})
    if POOLER not in modes(pooling):  # sentence-transformers has no module for it
        _write_sentence_modules(checkpoint, folder, pooling)


def _write_sentence_modules(checkpoint: Checkpoint, folder: Path, pooling: str) -> None:
    """Write modules.json, the folder of each module, and the prompts if the checkpoint has a file of them."""
    kinds = ["Transformer", "Pooling", *(type(module).__name__ for module in checkpoint.modules.after_pooling)]
    _write_json(folder / "modules.json", [_listed(index, kind) for index, kind in enumerate(kinds)])
    (folder / "1_Pooling").mkdir()
    _write_json(folder / "1_Pooling" / "config.json", _pooling_config(checkpoint, pooling))
    for index, module in enumerate(checkpoint.modules.after_pooling, start=2):
        if isinstance(module, Dense | LayerNorm):
            _write_module(folder / f"{index}_{type(module).__name__}", module)
    if checkpoint.modules.prompts != Prompts():
        _write_json(folder / PROMPTS, _prompts_config(checkpoint.modules.prompts))


def _config(checkpoint: Checkpoint) -> Mapping[str, Any]:
    config = {
        "architectures": [checkpoint.geometry.family.model_class],
        **checkpoint.geometry.config(),
        "position_embedding_type": "absolute",
    }
    config.setdefault("pad_token_id", checkpoint.vocabulary.pad_id)  # RoBERTa's counts positions
    return config


def _tokenizer_config(checkpoint: Checkpoint, max_length: int) -> Mapping[str, Any]:
    return {
        **checkpoint.vocabulary.transformers_settings(),
        "model_max_length": max_length,
        **checkpoint.vocabulary.special_names,
    }


def _listed(index: int, kind: str) -> Mapping[str, Any]:
    place = f"{index}_{kind}" if index else ""
    return {"idx": index, "name": str(index), "path": place, "type": f"{SENTENCE_TRANSFORMERS}.{kind}"}


def _pooling_config(checkpoint: Checkpoint, pooling: str) -> Mapping[str, Any]:
    """Return the settings of Pooling; versions < 5.4 know flags only, which cannot name another order than theirs."""
    chosen = modes(pooling)
    keys = (*OLDEST_FLAGS, *(key for key, mode in LEGACY_MODES.items() if mode in chosen))
    flags = {key: LEGACY_MODES[key] in chosen for key in keys}
    in_order = tuple(mode for mode in LEGACY_MODES.values() if mode in chosen) == chosen
    return {
        "word_embedding_dimension": checkpoint.geometry.hidden_size,
        **(flags if in_order else {"pooling_mode": list(chosen)}),
        **({} if checkpoint.modules.include_prompt else {"include_prompt": False}),
    }


def _write_module(folder: Path, module: Dense | LayerNorm) -> None:
    folder.mkdir()
    if isinstance(module, LayerNorm):
        config: Mapping[str, Any] = {"dimension": module.inputs}
        tensors = {"norm.weight": module.weight, "norm.bias": module.bias}
    else:
        config = {
            "in_features": module.inputs,
            "out_features": module.outputs,
            "bias": module.bias is not None,
            "activation_function": f"torch.nn.{module.activation}",
        }
        tensors = {"linear.weight": module.weight, **({} if module.bias is None else {"linear.bias": module.bias})}
    _write_json(folder / "config.json", config)
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, folder / "model.safetensors")


def _prompts_config(prompts: Prompts) -> Mapping[str, Any]:
    return {
        "model_type": MODEL_TYPE,
        "prompts": prompts.texts,
        "default_prompt_name": prompts.default,
        "similarity_fn_name": prompts.similarity,
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
