"""The geometry of a BERT encoder, from config.json, which was bert_config.json in TensorFlow's days."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.errors import CheckpointError

CONFIGS = ("config.json", "bert_config.json")

ONLY_SUPPORTED = {
    "model_type": "bert",
    "position_embedding_type": "absolute",
    "hidden_act": "gelu",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""Values that a config may leave out (old ones do) but not contradict."""


@dataclass(frozen=True, kw_only=True)
class BertGeometry:
    """Sizes of a BERT encoder under the names that config.json gives them."""

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
        """The geometry in the config in `folder`; raises CheckpointError unless it is a plain BERT encoder."""
        path = next((folder / name for name in CONFIGS if (folder / name).is_file()), folder / CONFIGS[0])
        config = read_json(path)
        for key, expected in ONLY_SUPPORTED.items():
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
