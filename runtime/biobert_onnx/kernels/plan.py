"""The artifact's plan.json: what the kernels read in place of the graph.

It says how large the encoder is, how the input of each site is rounded, and where each tensor lies in the weights file.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NotRequired, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.artifact.paths import PLAN, WEIGHTS, inside, linked_weights
from biobert_onnx.artifact.validation import differences
from biobert_onnx.errors import ArtifactError, json_fault
from biobert_onnx.kernels.library import KernelsUnavailableError

FORMAT = 3
"""The number of the file's format; a reader takes this one and no other."""


class SiteKind(StrEnum):
    """The four sites of a layer, in the order of computation; the values are BERT's names of its modules."""

    QUERY_KEY_VALUE = "attention.self"
    ATTENTION_OUTPUT = "attention.output"
    INTERMEDIATE = "intermediate"
    OUTPUT = "output"


MATRICES = {
    SiteKind.QUERY_KEY_VALUE: ("attention.self.query", "attention.self.key", "attention.self.value"),
    SiteKind.ATTENTION_OUTPUT: ("attention.output.dense",),
    SiteKind.INTERMEDIATE: ("intermediate.dense",),
    SiteKind.OUTPUT: ("output.dense",),
}
"""The matrices that share the input of each kind of site."""

NORMALIZED_KINDS = (SiteKind.QUERY_KEY_VALUE, SiteKind.INTERMEDIATE)
"""The sites behind a LayerNorm, which takes the smoothing in."""


WORDS = "embeddings.word_embeddings"

POSITIONS = "embeddings.position_embeddings.weight"
TOKEN_TYPES = "embeddings.token_type_embeddings.weight"
ATTENTION_BIAS = "encoder.attention_bias"
"""What each head adds to a score, (heads, 2 * positions - 1) by query - key + positions - 1; MPNet alone has it."""

STEP = 64
"""Hidden and intermediate sizes that the kernels take are multiples of this number."""

HEAD_SIZES = (32, 64)
POOLINGS = ("mean", "cls", "max", "pooler")
"""In the order of `enum pooling` in model.h."""

ACTIVATIONS = ("gelu", "gelu_new", "relu")
"""transformers' names, in the order of `enum activation` in model.h."""

MOST_INPUTS = 2**31 // (255 * 128)
"""Inputs of a product whose sum of uint8 times int8 cannot leave 32 bits."""

OUTLIER_UNITS = 16
"""Units that a layer may keep in float32: OUTLIER_UNITS in model.h."""

LEAST_FLOAT32, MOST_FLOAT32 = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
"""The bounds of scales: below the first one, 1 / scale is no float32."""

STEPS = 255
"""Steps of uint8 from the least value of a token to its largest, where each token has a scale."""

LEAST_SCALE = LEAST_FLOAT32
"""The smallest scale of a token, LEAST_SCALE in normalize.h.

A row of equal values takes it. Each of its values is then 0 steps from the least one, so that no rounding is left.
"""

UNIT_LENGTH = "Normalize"


def layer_name(layer: int) -> str:
    """Return the checkpoint's name of the layer with index `layer`.

    >>> layer_name(3)
    'encoder.layer.3'
    """
    return f"encoder.layer.{layer}"


class Geometry(TypedDict):
    """The sizes of the encoder, under the names of BERT's config.json.

    `max_position_embeddings`: positions that a text can have. `embedding_size`: numbers in a word's vector.
    `type_vocab_size`: token types, 0 if tokens have none.
    """

    hidden_size: int
    embedding_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float


class SiteRecord(TypedDict):
    """How a site is multiplied; `scale` and `zero_point` of a static one; `smoothing`: whether its input is divided."""

    products: Literal["static", "per_token", "float32"]
    scale: NotRequired[float]
    zero_point: NotRequired[int]
    smoothing: NotRequired[bool]


class TensorRecord(TypedDict):
    """Type and shape of a tensor, and where it begins in the weights file, in bytes."""

    dtype: Literal["int8", "float32"]
    shape: list[int]
    offset: int


@dataclass(frozen=True, kw_only=True)
class KernelPlan:
    """The contents of plan.json.

    `padding_id`: the id of the padding token where it is left out of the count of positions, else None. The table of
    positions then begins with that of padding tokens. `attention_bias`: whether there is a bias of relative positions.
    `outlier_units`: how many each layer has that has some, by the layer's name. `pairs`: whether texts may be pairs,
    whose second text has token type 1.
    """

    geometry: Geometry
    padding_id: int | None
    attention_bias: bool
    activation: str
    pooling: str
    after_pooling: list[str]
    sites: Mapping[str, SiteRecord]
    outlier_units: Mapping[str, int]
    tensors: Mapping[str, TensorRecord]
    pairs: bool

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the plan of the artifact in `folder`.

        Raises ArtifactError if it is damaged, KernelsUnavailableError if it has the format of another version.
        """
        path = inside(folder, PLAN)
        try:
            content = json.loads(path.read_bytes())
        except OSError as error:
            raise ArtifactError(f"'{path}' cannot be read ({error.strerror}): export the artifact again") from error
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"'{path}' cannot be read ({json_fault(error)}): export the artifact again") from error
        if not isinstance(content, dict) or type(content.get("format")) is not int or content["format"] < 1:
            raise ArtifactError(f"'{path}' is no plan: export the artifact again")
        if content["format"] != FORMAT:
            raise KernelsUnavailableError(
                f"its plan.json has format {content['format']}, not {FORMAT}, as another version exported it"
            )
        for difference in differences(content, cls):
            raise ArtifactError(f"'{path}' cannot be read: {difference}: export the artifact again")
        return cls(**{each.name: content[each.name] for each in fields(cls)})

    @property
    def layers(self) -> range:
        """The indices of the layers."""
        return range(self.geometry["num_hidden_layers"])

    @property
    def head_size(self) -> int:
        """Channels of one attention head."""
        return self.geometry["hidden_size"] // self.geometry["num_attention_heads"]

    @property
    def token_types(self) -> int:
        """Token types that tokens may have: 0, and 1 in the second text of a pair."""
        return 2 if self.pairs else 1

    @property
    def makes_unit_length(self) -> bool:
        """Whether the vectors have unit length."""
        return UNIT_LENGTH in self.after_pooling

    @property
    def has_token_types(self) -> bool:
        """Whether each token's type has a vector."""
        return self.geometry["type_vocab_size"] > 0

    @property
    def position_rows(self) -> int:
        """Rows in the table of positions: that of padding tokens comes first where they are not counted."""
        return self.geometry["max_position_embeddings"] + (self.padding_id is not None)

    def site(self, layer: int, kind: SiteKind) -> SiteRecord:
        """Return the record of the site `kind` of a layer."""
        return self.sites[f"{layer_name(layer)}.{kind}"]

    def check_supported(self) -> None:
        """Raise KernelsUnavailableError, which says what, unless the kernels compute all that the plan has."""
        sizes = self.geometry
        hidden, inner = sizes["hidden_size"], sizes["intermediate_size"]
        floats = [name for name, site in self.sites.items() if site["products"] == "float32"]
        after = [kind for kind in self.after_pooling if kind != UNIT_LENGTH]
        if sizes["embedding_size"] != hidden:
            raise KernelsUnavailableError(
                f"its word vectors have {sizes['embedding_size']} channels, which a product makes {hidden}"
            )
        if floats:
            raise KernelsUnavailableError(f"it has {len(floats)} sites in float32, the first one {floats[0]}")
        if self.pooling not in POOLINGS:
            raise KernelsUnavailableError(f"its pooling is {self.pooling}, none of {', '.join(POOLINGS)}")
        if after or len(self.after_pooling) > 1:
            raise KernelsUnavailableError(f"the modules after its pooling are {', '.join(self.after_pooling)}")
        if self.activation not in ACTIVATIONS:
            raise KernelsUnavailableError(f"its activation is {self.activation}, none of {', '.join(ACTIVATIONS)}")
        if self.head_size not in HEAD_SIZES:
            raise KernelsUnavailableError(f"its attention heads have {self.head_size} channels, not 32 or 64")
        for name, size in (("hidden", hidden), ("intermediate", inner)):
            if size % STEP or not 0 < size <= MOST_INPUTS:
                raise KernelsUnavailableError(f"its {name} size is {size}, no multiple of {STEP} up to {MOST_INPUTS:,}")
        for name, count in self.outlier_units.items():
            if count > OUTLIER_UNITS:
                raise KernelsUnavailableError(f"{name} has {count} outlier units, more than {OUTLIER_UNITS}")
        for name, site in self.sites.items():
            if site.get("smoothing") and not name.endswith(tuple(f".{kind}" for kind in NORMALIZED_KINDS)):
                raise KernelsUnavailableError(f"the site {name} has smoothing, but no LayerNorm before it")

    def check_complete(self, path: Path) -> None:
        """Raise ArtifactError, which names the file `path`, unless sizes, sites and tensors fit together."""
        sizes = self.geometry
        heads, layers = sizes["num_attention_heads"], sizes["num_hidden_layers"]
        if min(heads, layers, sizes["vocab_size"], sizes["max_position_embeddings"]) < 1 or layers > len(self.sites):
            raise ArtifactError(f"'{path}' cannot be read: geometry is {dict(sizes)}: export the artifact again")
        if sizes["hidden_size"] % heads or not 0 <= sizes["layer_norm_eps"] <= MOST_FLOAT32:
            raise ArtifactError(f"'{path}' cannot be read: geometry is {dict(sizes)}: export the artifact again")
        for layer in self.layers:
            for kind in SiteKind:
                self._check_site(path, f"{layer_name(layer)}.{kind}")
        names = {layer_name(layer) for layer in self.layers}
        for name, count in self.outlier_units.items():
            if count < 1 or name not in names:
                raise ArtifactError(
                    f"'{path}' cannot be read: outlier_units.{name} is {count}, expected 1 or more, and one of the "
                    f"{len(names)} layers: export the artifact again"
                )
        if sizes["type_vocab_size"] < (self.token_types if self.pairs else 0):
            raise ArtifactError(
                f"'{path}' cannot be read: pairs is {self.pairs}, and type_vocab_size is {sizes['type_vocab_size']}, "
                "expected 2 or more: export the artifact again"
            )
        if self.padding_id is not None and not 0 <= self.padding_id < sizes["vocab_size"]:
            raise ArtifactError(
                f"'{path}' cannot be read: padding_id is {self.padding_id}, expected an id below vocab_size, "
                f"{sizes['vocab_size']}: export the artifact again"
            )
        expected = self.expected_tensors()
        for name, (dtype, shape) in expected.items():
            found = self.tensors.get(name)
            if found is None or (found["dtype"], tuple(found["shape"])) != (dtype, shape):
                raise ArtifactError(
                    f"'{path}' cannot be read: tensors.{name} is {found}, expected {dtype} {shape}: export it again"
                )
        for name in sorted(self.tensors.keys() - expected.keys()):
            raise ArtifactError(
                f"'{path}' cannot be read: it has a tensor {name}, which no part of its encoder uses: export the "
                "artifact again"
            )

    def _check_site(self, path: Path, name: str) -> None:
        site = self.sites.get(name)
        if site is None:
            raise ArtifactError(f"'{path}' cannot be read: it has no site {name}: export the artifact again")
        if site["products"] == "static":
            scale, zero_point = site.get("scale"), site.get("zero_point")
            if scale is None or not LEAST_FLOAT32 <= scale <= MOST_FLOAT32 or zero_point is None or zero_point > 255:
                raise ArtifactError(
                    f"'{path}' cannot be read: site {name} is {dict(site)}, expected a scale above 0 and a zero point "
                    "of 0 to 255: export the artifact again"
                )

    def expected_tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Return the type and shape of each tensor that the kernels need."""
        sizes = self.geometry
        hidden, inner, embedded = sizes["hidden_size"], sizes["intermediate_size"], sizes["embedding_size"]
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {
            f"{WORDS}.weight_int8": ("int8", (sizes["vocab_size"], embedded)),
            f"{WORDS}.weight_scale": ("float32", (sizes["vocab_size"], 1)),
            POSITIONS: ("float32", (self.position_rows, embedded)),
            **_norm_tensors("embeddings", embedded),
        }
        if self.has_token_types:
            shapes[TOKEN_TYPES] = ("float32", (sizes["type_vocab_size"], embedded))
        if self.attention_bias:
            distances = 2 * sizes["max_position_embeddings"] - 1
            shapes[ATTENTION_BIAS] = ("float32", (sizes["num_attention_heads"], distances))
        for layer in self.layers:
            for norm in ("attention.output", "output"):
                shapes |= _norm_tensors(f"{layer_name(layer)}.{norm}", hidden)
        sides = {SiteKind.INTERMEDIATE: (hidden, inner), SiteKind.OUTPUT: (inner, hidden)}
        for layer in self.layers:
            for kind in SiteKind:
                if self.site(layer, kind)["products"] == "float32":  # check_supported names it
                    continue
                inputs, outputs = sides.get(kind, (hidden, hidden))
                if self.site(layer, kind).get("smoothing"):
                    shapes[f"{layer_name(layer)}.{kind}.inverse_smoothing"] = ("float32", (inputs,))
                for matrix in MATRICES[kind]:
                    name = f"{layer_name(layer)}.{matrix}"
                    shapes[f"{name}.weight_int8"] = ("int8", (inputs, outputs))
                    shapes |= {f"{name}.{part}": ("float32", (outputs,)) for part in ("weight_scale", "bias")}
            units = self.outlier_units.get(layer_name(layer))
            if units:
                name = f"{layer_name(layer)}.outliers"
                shapes[f"{name}.into.weight"] = ("float32", (hidden, units))
                shapes[f"{name}.bias"] = ("float32", (units,))
                shapes[f"{name}.out.weight"] = ("float32", (units, hidden))
        if "pooler" in self.pooling.split("+"):
            shapes["pooler.dense.weight"] = ("float32", (hidden, hidden))
            shapes["pooler.dense.bias"] = ("float32", (hidden,))
        return shapes


def _norm_tensors(name: str, size: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {f"{name}.LayerNorm.{part}": ("float32", (size,)) for part in ("weight", "bias")}


class Tensors:
    """The tensors of a plan, mapped from the weights file."""

    def __init__(self, folder: Path, plan: KernelPlan) -> None:
        """Map the weights of the artifact in `folder`; raises ArtifactError if a tensor of `plan` lies beyond them."""
        path = linked_weights(folder) or inside(folder, WEIGHTS)
        self._plan = plan
        size = path.stat().st_size
        for name, record in plan.tensors.items():
            end = record["offset"] + math.prod(record["shape"]) * np.dtype(record["dtype"]).itemsize
            if end > size:
                raise ArtifactError(
                    f"'{path}' ends at byte {size}, before {name} does ({end}): export or copy it again"
                )
        self._bytes: NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r")

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return the tensor `name`, a view of the file."""
        record = self._plan.tensors[name]
        dtype = np.dtype(record["dtype"])
        count = math.prod(record["shape"])
        return np.frombuffer(self._bytes, dtype, count, record["offset"]).reshape(record["shape"])
