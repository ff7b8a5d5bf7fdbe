"""The geometry of a BERT encoder, read from config.json or TensorFlow's bert_config.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.errors import CheckpointError

CONFIGS = ("config.json", "bert_config.json")

SUPPORTED_VALUES = {
    "model_type": "bert",
    "position_embedding_type": "absolute",
    "hidden_act": "gelu",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""The only supported value of each key; a config may leave a key out, as old ones do."""


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
        path = next((folder / name for name in CONFIGS if (folder / name).is_file()), folder / CONFIGS[0])
        config = read_json(path)
        for key, expected in SUPPORTED_VALUES.items():
            if config.get(key, expected) != expected:
                raise CheckpointError(
                    f"'{path}' has {key} {config[key]!r}: only BERT encoders with {expected!r} export"
                )
        config.setdefault("layer_norm_eps", 1e-12)
        geometry = cls(**{name: _number(config, name, kind, path) for name, kind in cls.__annotations__.items()})
        if geometry.hidden_size % geometry.num_attention_heads:
            raise CheckpointError(
                f"'{path}' has hidden_size {geometry.hidden_size}, no multiple of its "
                f"{geometry.num_attention_heads} attention heads: the config is damaged"
            )
        return geometry


def _number(config: dict[str, Any], name: str, kind: type, path: Path) -> Any:
    value = config.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isinstance(value, kind | int) or value <= 0:
        raise CheckpointError(f"'{path}' has {name} {value!r}, expected a positive {kind.__name__}")
    return value
