"""The files beside the graphs: tokenizer and configs, with which other tools load the folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biobert_onnx.artifact.paths import TOKENIZER
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.tokenizer_files import SPECIAL_TOKENS

SENTENCE_TRANSFORMERS = "sentence_transformers.models"
"""The package of the module types in modules.json."""


def write_side_files(checkpoint: Checkpoint, folder: Path, *, pooling: str, max_length: int) -> None:
    """Write the tokenizer and the configs into `folder`: everything but graphs, model card and manifest."""
    (folder / TOKENIZER).write_text(checkpoint.vocabulary.tokenizer().to_str(pretty=True), encoding="utf-8")
    _write_json(folder / "config.json", _config(checkpoint))
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(checkpoint, max_length))
    _write_json(folder / "special_tokens_map.json", SPECIAL_TOKENS)
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})
    if pooling != "pooler":  # sentence-transformers has no module for BERT's pooler
        _write_json(folder / "modules.json", _modules(checkpoint))
        (folder / "1_Pooling").mkdir()
        _write_json(folder / "1_Pooling" / "config.json", _pooling_config(checkpoint, pooling))


def _config(checkpoint: Checkpoint) -> Mapping[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        **vars(checkpoint.geometry),
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "pad_token_id": checkpoint.vocabulary.tokens.index("[PAD]"),
    }


def _tokenizer_config(checkpoint: Checkpoint, max_length: int) -> Mapping[str, Any]:
    return {
        **checkpoint.vocabulary.transformers_settings(),
        "model_max_length": max_length,
        **SPECIAL_TOKENS,
    }


def _modules(checkpoint: Checkpoint) -> list[Mapping[str, Any]]:
    kinds = [("Transformer", ""), ("Pooling", "1_Pooling")]
    if checkpoint.modules.normalized:
        kinds.append(("Normalize", "2_Normalize"))
    return [
        {"idx": index, "name": str(index), "path": path, "type": f"{SENTENCE_TRANSFORMERS}.{kind}"}
        for index, (kind, path) in enumerate(kinds)
    ]


def _pooling_config(checkpoint: Checkpoint, pooling: str) -> Mapping[str, Any]:
    return {
        "word_embedding_dimension": checkpoint.geometry.hidden_size,
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
