"""sentence-transformers' modules after Pooling, each from one vector a text to another: Dense, LayerNorm, Normalize."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from biobert_onnx._file_status import is_file
from biobert_onnx._types import FloatArray
from biobert_onnx_export.checkpoint.pytorch import as_float32, read_state_dict
from biobert_onnx_export.checkpoint.settings import Settings
from biobert_onnx_export.errors import CheckpointError

ACTIVATIONS = ("Identity", "Tanh", "ReLU", "LeakyReLU", "GELU", "Sigmoid")
"""The classes of torch.nn that a Dense may have as its activation; each is made without arguments."""

DEFAULT_ACTIVATION = "Tanh"
"""The activation of a Dense whose config names none, as files of sentence-transformers < 1 do."""

ACTIVATION_PACKAGES = ("torch.nn.modules.activation.", "torch.nn.modules.linear.", "torch.nn.")
"""Where PyTorch has these classes."""

FEATURE = "sentence_embedding"
"""sentence-transformers' name of the pooled vector, which every module here reads and replaces."""

FEATURE_KEYS = ("module_input_name", "module_output_name")
"""The keys that say which vector a module reads and which it makes; absent in files of older versions."""

LAYER_NORM_EPSILON = 1e-5
"""torch.nn.LayerNorm's default: sentence-transformers' module takes no other."""

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""In order of preference, as sentence-transformers loads them."""


@dataclass(frozen=True, kw_only=True)
class Dense:
    """activation(weight @ vector + bias): `weight` (outputs, inputs), `bias` (outputs,) or None, float32.

    `activation` is one of ACTIVATIONS. `place` is the module's folder inside the checkpoint, for messages.
    """

    place: str
    weight: FloatArray
    bias: FloatArray | None
    activation: str

    @classmethod
    def read(cls, folder: Path, place: str) -> Self:
        """Read the module in `folder`/`place`; raises CheckpointError for what this project does not export."""
        settings = Settings.read(folder / place / "config.json")
        settings.refuse_unknown(
            ("in_features", "out_features", "bias", "activation_function", "use_residual", *FEATURE_KEYS)
        )
        _check_features(settings)
        if settings.optional("use_residual", bool):
            raise settings.fault("use_residual", "false", "a Dense with a residual connection does not export")
        inputs, outputs = settings.count("in_features"), settings.count("out_features")
        shapes: dict[str, tuple[int, ...]] = {"linear.weight": (outputs, inputs)}
        if settings.given("bias", bool) is not False:
            shapes["linear.bias"] = (outputs,)
        tensors = _read_weights(folder / place, shapes)
        return cls(
            place=place,
            weight=tensors["linear.weight"],
            bias=tensors.get("linear.bias"),
            activation=_activation(settings),
        )

    @property
    def inputs(self) -> int:
        """Numbers in a vector that goes in."""
        return int(self.weight.shape[1])

    @property
    def outputs(self) -> int:
        """Numbers in a vector that comes out."""
        return int(self.weight.shape[0])


@dataclass(frozen=True, kw_only=True)
class LayerNorm:
    """(vector - its mean) / sqrt(its variance + LAYER_NORM_EPSILON) * weight + bias, both (inputs,) float32."""

    place: str
    weight: FloatArray
    bias: FloatArray

    @classmethod
    def read(cls, folder: Path, place: str) -> Self:
        """Read the module in `folder`/`place`; raises CheckpointError if a file is missing or damaged."""
        settings = Settings.read(folder / place / "config.json")
        settings.refuse_unknown(("dimension",))
        shape = (settings.count("dimension"),)
        tensors = _read_weights(folder / place, {"norm.weight": shape, "norm.bias": shape})
        return cls(place=place, weight=tensors["norm.weight"], bias=tensors["norm.bias"])

    @property
    def inputs(self) -> int:
        """Numbers in a vector that goes in."""
        return len(self.weight)

    @property
    def outputs(self) -> int:
        """Numbers in a vector that comes out."""
        return len(self.weight)


@dataclass(frozen=True, kw_only=True)
class Normalize:
    """The vector at unit length."""

    @classmethod
    def read(cls, folder: Path, place: str) -> Self:
        """Read the module in `folder`/`place`, which has a file since sentence-transformers 6 only."""
        _check_features(Settings.read_if_there(folder / place / "config.json"))
        return cls()


SentenceModule = Dense | LayerNorm | Normalize

READERS: Mapping[str, Callable[[Path, str], SentenceModule]] = {
    "Dense": Dense.read,
    "LayerNorm": LayerNorm.read,
    "Normalize": Normalize.read,
}
"""How each kind of module is read, from the checkpoint's folder and the module's place in it."""


def output_size(modules: tuple[SentenceModule, ...], size: int) -> int:
    """Return the numbers in a vector after `modules`, of `size` numbers before them.

    Raises CheckpointError for a module that takes vectors of another size.
    """
    for module in modules:
        if isinstance(module, Normalize):
            continue
        if module.inputs != size:
            raise CheckpointError(
                f"'{module.place}' takes vectors of {module.inputs} numbers, but those before it have {size}: "
                "choose a pooling= that fits, or download the checkpoint again"
            )
        size = module.outputs
    return size


def _check_features(settings: Settings) -> None:
    """Raise CheckpointError for a module that reads or makes anything but the pooled vector."""
    for key in FEATURE_KEYS:
        if settings.given(key, str) not in (None, FEATURE):
            raise settings.fault(key, f"'{FEATURE}'", "modules of other vectors do not export")


def _activation(settings: Settings) -> str:
    path = settings.given("activation_function", str)
    if path is None:
        return DEFAULT_ACTIVATION
    package, _, name = path.rpartition(".")
    if f"{package}." not in ACTIVATION_PACKAGES or name not in ACTIVATIONS:
        raise settings.fault(
            "activation_function", f"one of torch.nn's {', '.join(ACTIVATIONS)}", "no other activation exports"
        )
    return name


def _read_weights(folder: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, FloatArray]:
    """Read the tensors of a module in `folder`; raises CheckpointError unless they have these names and `shapes`."""
    path = next((folder / name for name in WEIGHT_FILES if is_file(folder / name)), None)
    if path is None:
        raise CheckpointError(f"'{folder}' holds neither {' nor '.join(WEIGHT_FILES)}: download the whole checkpoint")
    tensors: dict[str, FloatArray] = {}
    for name, stored in read_state_dict(path).items():
        array = as_float32(stored)
        if array is None:
            raise CheckpointError(
                f"'{path}' holds {name} as {stored.dtype}, expected floating point: save it as float32"
            )
        tensors[name] = array
    found = {name: array.shape for name, array in tensors.items()}
    if found != shapes:
        described = ", ".join(f"{name} {shape}" for name, shape in found.items())
        expected = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise CheckpointError(
            f"'{path}' holds {described or 'nothing'}, expected {expected} by its config.json: download both again"
        )
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise CheckpointError(f"'{path}' holds numbers in {name} that are not finite: download it again")
    return tensors
