"""The geometry of a BERT encoder, read from config.json or TensorFlow's bert_config.json.

Keys that change vectors are honoured or refused by name. All others change none: dropout, initialization, caches,
labels, `torch_dtype` (here weights are float32, whatever they were saved as), and `chunk_size_feed_forward`, which
computes the same numbers in parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.errors import CheckpointError

CONFIGS = ("config.json", "bert_config.json")

SUPPORTED_VALUES = {"model_type": "bert", "position_embedding_type": "absolute", "hidden_act": "gelu"}
"""The only supported value of each key; a config may leave a key out, as old ones do.

null is another value: transformers computes without positions, without an activation, or finds no model.
"""

EMPTY_VALUES = {
    "is_decoder": "a decoder sees only the tokens before each token",
    "add_cross_attention": "it attends to a second text",
    "pruned_heads": "attention heads are missing",
    "quantization_config": "its weights are quantized: give the checkpoint as it was before",
}
"""Keys that must be absent, null, false or empty, and what any other value means."""

CUSTOM_CODE = "auto_map"
"""The key that names Python code of the repository; an AutoModel in it is another encoder than BertModel."""

DEFAULTS = {"max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12}
"""What transformers' BertConfig takes where a config leaves a key out; the shapes of the weights confirm the first two.

The other sizes tell one encoder from another, and must be there.
"""

MAX_SIZE = 2**31
MAX_LAYERS = 1000
"""No encoder is as large: a damaged config is refused before its tensors are listed."""


@dataclass(frozen=True, kw_only=True)
class BertGeometry:
    """The sizes of a BERT encoder, under the names of config.json."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the config in `folder`; raises CheckpointError unless it describes a plain BERT encoder."""
        path = config_file(folder)
        config = read_json(path)
        _check_architecture(config, path)
        sizes = DEFAULTS | config
        geometry = cls(**{name: _number(sizes, name, kind, path) for name, kind in cls.__annotations__.items()})
        if geometry.hidden_size % geometry.num_attention_heads:
            raise CheckpointError(
                f"'{path}' has hidden_size {geometry.hidden_size}, no multiple of its "
                f"{geometry.num_attention_heads} attention heads: the config is damaged"
            )
        return geometry


def config_file(folder: Path) -> Path:
    """Find the config of the encoder in `folder`; without one, return the path where it should be."""
    return next((folder / name for name in CONFIGS if is_there(folder / name)), folder / CONFIGS[0])


def _check_architecture(config: Mapping[str, Any], path: Path) -> None:
    """Raise CheckpointError if a key of `config` asks for another computation than that of a plain BERT encoder."""
    for key, expected in SUPPORTED_VALUES.items():
        if config.get(key, expected) != expected:
            raise CheckpointError(
                f"'{path}' has {key} {short_repr(config[key])}: only BERT encoders with {expected!r} export"
            )
    for key, meaning in EMPTY_VALUES.items():
        if config.get(key):
            raise CheckpointError(
                f"'{path}' has {key} {short_repr(config[key])} ({meaning}): only BERT encoders without it export"
            )
    custom = config.get(CUSTOM_CODE)
    if isinstance(custom, dict) and "AutoModel" in custom:
        raise CheckpointError(
            f"'{path}' has {CUSTOM_CODE} AutoModel {short_repr(custom['AutoModel'])}: an encoder with code of its own "
            "does not export"
        )


def _number(config: Mapping[str, Any], name: str, kind: type, path: Path) -> Any:
    value: Any = config.get(name)
    limit = MAX_LAYERS if name == "num_hidden_layers" else MAX_SIZE
    is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
    if not (is_number and 0 < value < limit):  # nan is not, either
        raise CheckpointError(f"'{path}' has {name} {short_repr(value)}, expected a positive {kind.__name__}")
    return value
