"""The geometry of an encoder, read from config.json or TensorFlow's bert_config.json.

Keys that change vectors are honoured or refused by name. All others change none: dropout, initialization, caches,
labels, `torch_dtype` (here weights are float32, whatever they were saved as), and `chunk_size_feed_forward`, which
computes the same numbers in parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx.artifact.manifest import SPECIAL_TOKENS
from biobert_onnx.errors import short_repr
from biobert_onnx.kernels.plan import ACTIVATIONS
from biobert_onnx_export.checkpoint.families import BERT, FAMILIES, Family
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.errors import CheckpointError

CONFIGS = ("config.json", "bert_config.json")

ONLY_POSITIONS = "absolute"
"""The only supported position_embedding_type; null is another one, as transformers then computes without positions."""

EMPTY_VALUES = {
    "is_decoder": "a decoder sees only the tokens before each token",
    "add_cross_attention": "it attends to a second text",
    "pruned_heads": "attention heads are missing",
    "quantization_config": "its weights are quantized: give the checkpoint as it was before",
}
"""Keys that must be absent, null, false or empty, and what any other value means."""

CUSTOM_CODE = "auto_map"
"""The key that names Python code of the repository; an AutoModel in it is another encoder than BertModel."""

DEFAULTS = {
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
    "embedding_size": 128,
    "relative_attention_num_buckets": 32,
    "padding_id": 1,
}
"""What transformers' configs take where one leaves a size out; the shapes of the weights confirm most of them.

The other sizes tell one encoder from another, and must be there.
"""

RELATIVE_BUCKETS = 32
"""Groups of distances in MPNet's attention, whatever its config says: `compute_position_bias` asks for so many."""

LEAST_POSITIONS = SPECIAL_TOKENS + 1
"""Positions of the shortest text that can be encoded: one token in its frame."""

MAX_SIZE = 2**31
MAX_LAYERS = 1000
"""No encoder is as large: a damaged config is refused before its tensors are listed."""


@dataclass(frozen=True, kw_only=True)
class EncoderGeometry:
    """The sizes of an encoder of `family`, under the names of BERT's config.json.

    `type_vocab_size`: token types, 0 for none. `embedding_size`: numbers in a word's vector; others than `hidden_size`
    are projected. `relative_attention_num_buckets`: groups of distances that have a bias each in attention, 0 for none.
    `padding_id`: the id of the padding token where positions are counted from it, else None.
    """

    family: Family
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    hidden_act: str
    embedding_size: int
    relative_attention_num_buckets: int = 0
    padding_id: int | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the config in `folder`; raises CheckpointError unless it describes an encoder of a known family."""
        path = config_file(folder)
        config = read_json(path)
        family = _family(config, path)
        _check_architecture(config, path)
        sizes = {name: _size(config, name, key, path) for name, key in family.keys.items()}
        padding = {"padding_id": family.padding_id} if family.counts_from_padding else {}
        defaults = {"embedding_size": sizes["hidden_size"]}
        geometry = cls(family=family, **{**defaults, **padding, **family.fixed, **sizes})
        geometry._check(path)
        return geometry

    @property
    def positions(self) -> int:
        """Tokens that a text can have: RoBERTa's first positions are those of padding."""
        return self.max_position_embeddings - (0 if self.padding_id is None else self.padding_id + 1)

    def config(self) -> dict[str, Any]:
        """Return the keys of config.json that say all this."""
        sizes = {key: getattr(self, name) for name, key in self.family.keys.items()}
        return {"model_type": self.family.model_type, **sizes}

    def _check(self, path: Path) -> None:
        """Raise CheckpointError unless the sizes fit each other."""
        keys = self.family.keys
        if self.hidden_size % self.num_attention_heads:
            raise CheckpointError(
                f"'{path}' has {keys['hidden_size']} {self.hidden_size}, no multiple of its "
                f"{self.num_attention_heads} attention heads: the config is damaged"
            )
        if self.positions < LEAST_POSITIONS:
            padding = self.max_position_embeddings - self.positions
            counted = f", as positions are counted from {padding}, the padding token's id + 1" if padding else ""
            raise CheckpointError(
                f"'{path}' has max_position_embeddings {self.max_position_embeddings}, expected at least "
                f"{LEAST_POSITIONS + padding}{counted}: the config is damaged"
            )
        if 0 < self.relative_attention_num_buckets < RELATIVE_BUCKETS:
            raise CheckpointError(
                f"'{path}' has relative_attention_num_buckets {self.relative_attention_num_buckets}, expected at "
                f"least {RELATIVE_BUCKETS}, the groups that {self.family.model_class} asks for"
            )


def config_file(folder: Path) -> Path:
    """Find the config of the encoder in `folder`; without one, return the path where it should be."""
    return next((folder / name for name in CONFIGS if is_there(folder / name)), folder / CONFIGS[0])


def _family(config: Mapping[str, Any], path: Path) -> Family:
    """Return the family that `config` names; a config without a model_type is BERT's, as old ones are."""
    name = config.get("model_type", BERT.model_type)
    if not isinstance(name, str) or name not in FAMILIES:
        raise CheckpointError(
            f"'{path}' has model_type {short_repr(name)}: only encoders with one of {', '.join(FAMILIES)} export"
        )
    return FAMILIES[name]


def _check_architecture(config: Mapping[str, Any], path: Path) -> None:
    """Raise CheckpointError if a key of `config` asks for another computation than that of a plain encoder."""
    positions = config.get("position_embedding_type", ONLY_POSITIONS)
    if positions != ONLY_POSITIONS:
        raise CheckpointError(
            f"'{path}' has position_embedding_type {short_repr(positions)}: only encoders with {ONLY_POSITIONS!r} "
            "export"
        )
    for key, meaning in EMPTY_VALUES.items():
        if config.get(key):
            raise CheckpointError(
                f"'{path}' has {key} {short_repr(config[key])} ({meaning}): only encoders without it export"
            )
    custom = config.get(CUSTOM_CODE)
    if isinstance(custom, dict) and "AutoModel" in custom:
        raise CheckpointError(
            f"'{path}' has {CUSTOM_CODE} AutoModel {short_repr(custom['AutoModel'])}: an encoder with code of its own "
            "does not export"
        )


def _size(config: Mapping[str, Any], name: str, key: str, path: Path) -> Any:
    """Return the size `name` of EncoderGeometry, which is the config's `key`, or raise CheckpointError."""
    value: Any = config.get(key, DEFAULTS.get(name))
    limit = MAX_LAYERS if name == "num_hidden_layers" else MAX_SIZE
    if name == "hidden_act":
        is_right, expected = value in ACTIVATIONS, f"one of {', '.join(ACTIVATIONS)}: no other one can be exported"
    elif name == "layer_norm_eps":
        is_right, expected = _is_number(value, float) and 0 < value < limit, "a positive float"
    elif name == "padding_id":
        is_right, expected = _is_number(value, int) and 0 <= value < limit, "the id of a token"
    else:
        is_right, expected = _is_number(value, int) and 0 < value < limit, "a positive int"
    if not is_right:  # nan is not, either
        raise CheckpointError(f"'{path}' has {key} {short_repr(value)}, expected {expected}")
    return value


def _is_number(value: object, kind: type) -> bool:
    return isinstance(value, (int, kind)) and not isinstance(value, bool)
