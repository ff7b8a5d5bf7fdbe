"""The compiled C, called through ctypes: its functions, its structures, and the kernels that this CPU runs."""

import ctypes
import sys
from ctypes import POINTER, c_char_p, c_float, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from biobert_onnx._file_status import is_file

PATH = Path(__file__).with_name("_kernels.so")
"""Where the build leaves the library."""

INTERFACE = 4
"""The number that the library must have, as in library.c: of its functions, its structures and the packed layout."""

PLAIN = "plain"
"""The kernel in plain C: slow, and what the others are compared with."""


class Matrix(ctypes.Structure):
    """`matrix` of model.h."""

    _fields_ = (
        *((name, c_int64) for name in ("inputs", "outputs")),
        *((name, c_void_p) for name in ("tiles", "start", "sums", "scale", "weight_sums", "bias")),
    )


class Site(ctypes.Structure):
    """`site` of model.h."""

    _fields_ = (
        ("per_token", c_int32),
        *((name, c_float) for name in ("inverse_scale", "zero_point")),
    )


class Norm(ctypes.Structure):
    """`norm` of model.h."""

    _fields_ = tuple((name, c_void_p) for name in ("gain", "shift", "site_gain", "site_shift"))


class Outliers(ctypes.Structure):
    """`outliers` of model.h."""

    _fields_ = tuple((name, c_void_p) for name in ("into", "bias", "out"))


class Layer(ctypes.Structure):
    """`layer` of model.h."""

    _fields_ = (
        *((name, Matrix) for name in ("query_key_value", "attention_output", "intermediate", "output")),
        ("sites", Site * 4),
        ("attention_norm", Norm),
        ("output_norm", Norm),
        ("outliers", Outliers),
        ("attention_bias", c_void_p),
    )


class Model(ctypes.Structure):
    """`model` of model.h."""

    _fields_ = (
        *((name, c_int64) for name in ("hidden", "heads", "head_size", "inner", "layers")),
        *((name, c_int64) for name in ("words", "positions", "padding_id", "token_types")),
        *((name, c_int32) for name in ("activation", "pooling", "unit_length")),
        ("epsilon", c_float),
        *((name, c_void_p) for name in ("word_vectors", "word_scales", "position_vectors")),
        ("embedding_norm", Norm),
        ("layer", POINTER(Layer)),
        *((name, c_void_p) for name in ("pooler_weight", "pooler_bias")),
    )


STRUCTURES = (Matrix, Site, Norm, Outliers, Layer, Model)
"""In the order of `structure_sizes` in library.c."""

ADDRESS, COUNT = c_void_p, c_int64

FUNCTIONS = {
    "interface_number": ((), COUNT),
    "structure_sizes": ((POINTER(COUNT),), None),
    "kernel_count": ((), COUNT),
    "kernel_name": ((COUNT,), c_char_p),
    "kernel_runs_here": ((COUNT,), COUNT),
    "kernel_agrees": ((COUNT,), COUNT),
    "pack": ((ADDRESS, COUNT, COUNT, COUNT, ADDRESS, ADDRESS), COUNT),
    "workspace_bytes": ((POINTER(Model), COUNT, COUNT, COUNT), COUNT),
    "encode": ((POINTER(Model), COUNT, ADDRESS, ADDRESS, *(COUNT,) * 3, ADDRESS, ADDRESS, COUNT, COUNT), COUNT),
}
"""The arguments and the result of each function of library.c."""


class KernelsUnavailableError(Exception):
    """The kernels cannot run, here or with this artifact; the message says why, as a clause after "because"."""


@dataclass(frozen=True)
class Kernel:
    """One kernel of the library: its index there, and its name."""

    index: int
    name: str


@cache
def load_library(path: Path = PATH) -> ctypes.CDLL:
    """Load the compiled C.

    Raises KernelsUnavailableError on Windows, if there is none, and for one that was compiled from other sources.
    """
    if sys.platform == "win32":
        raise KernelsUnavailableError("they are for Linux and macOS")
    try:
        if not is_file(path):
            raise KernelsUnavailableError(
                "their C was not compiled when biobert-onnx was installed: install it again where there is a C compiler"
            )
        library = ctypes.CDLL(str(path))
        for name, (arguments, result) in FUNCTIONS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, result
    except (OSError, AttributeError) as error:
        raise KernelsUnavailableError(f"'{path}' cannot be loaded ({error}): install biobert-onnx again") from error
    sizes = (COUNT * len(STRUCTURES))()
    library.structure_sizes(sizes)
    if library.interface_number() != INTERFACE or list(sizes) != [ctypes.sizeof(each) for each in STRUCTURES]:
        raise KernelsUnavailableError(f"'{path}' was compiled from other sources: install biobert-onnx again")
    return library


def compiled_kernels() -> list[Kernel]:
    """List the kernels of the library, best first; raises KernelsUnavailableError if there is no library."""
    library = load_library()
    return [Kernel(index, library.kernel_name(index).decode()) for index in range(library.kernel_count())]


def runs_here(kernel: Kernel) -> bool:
    """Tell whether this CPU and its system have what `kernel` needs."""
    return bool(load_library().kernel_runs_here(kernel.index))


@cache
def agrees_with_plain(kernel: Kernel) -> bool:
    """Tell whether `kernel`, which runs here, gives the bits of plain C on a small encoder. It takes a millisecond."""
    return bool(load_library().kernel_agrees(kernel.index))


def find_kernel(name: str | None = None) -> Kernel:
    """Return the kernel called `name`, by default the best one for this CPU; plain C is not among these.

    Raises KernelsUnavailableError if there is none, if it does not run here, or if its bits differ from plain C's.
    """
    kernels = compiled_kernels()
    wanted = [kernel for kernel in kernels if (kernel.name != PLAIN if name is None else kernel.name == name)]
    able = [kernel for kernel in wanted if runs_here(kernel)]
    if not able:
        names = ", ".join(kernel.name for kernel in wanted) or name
        raise KernelsUnavailableError(f"this CPU, or its system, does not run any of these kernels: {names}")
    for kernel in able:
        if agrees_with_plain(kernel):
            return kernel
    names = ", ".join(kernel.name for kernel in able)
    raise KernelsUnavailableError(f"the results of {names} differ from those of plain C here: please report this")
