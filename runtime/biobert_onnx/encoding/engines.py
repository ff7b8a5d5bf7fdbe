"""The two engines that compute an artifact: the kernels, this project's own C, and onnxruntime on its graph."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import ENCODER_GRAPH, PACKED_FOLDER
from biobert_onnx.errors import ArtifactError, EngineError, EngineWarning, short_repr
from biobert_onnx.kernels.engine import KernelEngine, supported_plan
from biobert_onnx.kernels.library import KernelsUnavailableError
from biobert_onnx.kernels.prepacked import write_prepacked

KERNELS, ONNXRUNTIME = "kernels", "onnxruntime"
ENGINES = (KERNELS, ONNXRUNTIME)


def check_engine(engine: str | None) -> None:
    """Raise ValueError unless `engine` is one of ENGINES or None."""
    if engine is not None and engine not in ENGINES:
        raise ValueError(f"engine is {short_repr(engine)}, expected one of {', '.join(ENGINES)}")


class Session(Protocol):
    """Computes micro-batches, on any number of threads at once."""

    def run(
        self, input_ids: NDArray[np.int64], threads: int, token_types: NDArray[np.int64] | None = None
    ) -> FloatArray:
        """Return the vectors (batch, dim) of `input_ids` (batch, tokens); raises ValueError after `close`.

        `token_types`: (batch, tokens), 1 in the second text of a pair; None if all are 0.
        """

    def token_vectors(self, input_ids: NDArray[np.int64], threads: int, layers: str) -> FloatArray:
        """Return the vectors (batch, tokens, hidden_size) of the tokens; `layers`: one of the artifact's TOKEN_LAYERS.

        Raises as `run` does.
        """

    def close(self) -> None:
        """Give memory and threads back."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The engine that computes an artifact here.

    `name`: one of ENGINES. `kernel`: the kernel's name, None under onnxruntime. `reason`: why not the kernels, as a
    clause after "because"; empty under the kernels, and where onnxruntime was asked for.
    """

    name: str
    kernel: str | None = None
    reason: str = ""
    kernels: KernelEngine | None = None

    @classmethod
    def choose(cls, folder: Path, manifest: Manifest, wanted: str | None) -> "Engine":
        """Choose the engine for the artifact in `folder`: `wanted`, or by default the kernels if they can run it.

        Raises ValueError if there is no such engine, EngineError, with the reason, if the kernels are wanted and cannot
        run it, or if it is packed and they are not wanted or cannot; ArtifactError if the artifact's plan is damaged.
        """
        check_engine(wanted)
        if wanted == ONNXRUNTIME and manifest.is_packed:
            raise EngineError(str(folder), "a packed artifact has no graphs", ONNXRUNTIME, "the kernels")
        if wanted == ONNXRUNTIME:
            return cls(name=ONNXRUNTIME)
        try:
            kernels = KernelEngine.of(folder, manifest)
        except KernelsUnavailableError as error:
            if manifest.is_packed:
                raise EngineError(str(folder), str(error), other=None) from error
            if wanted == KERNELS:
                raise EngineError(str(folder), str(error)) from error
            return cls(name=ONNXRUNTIME, reason=str(error))
        return cls(name=KERNELS, kernel=kernels.kernel.name, kernels=kernels)

    def warn_of_fallback(self, manifest: Manifest, *, stacklevel: int) -> None:
        """Warn if onnxruntime, though nobody asked for it, computes an artifact that was measured on the kernels.

        The warning is an EngineWarning and names the caller's line at `stacklevel` 1.
        """
        if self.reason and manifest.kernels_fidelity is not None:
            warnings.warn(
                f"{manifest.name} was measured on the kernels, but onnxruntime computes its vectors here, because "
                f"{self.reason}: do not mix them with vectors of the kernels; engine='onnxruntime' says that you want "
                "them",
                EngineWarning,
                stacklevel=stacklevel + 1,
            )

    def open(self, folder: Path, manifest: Manifest, *, packed: Path, threads: int) -> Session:
        """Open a session on the artifact in `folder`; `packed`: where its packed weights may lie.

        `threads`: what a micro-batch that is alone gets. Raises ArtifactError for a file that cannot be loaded.
        """
        if self.kernels is not None:
            return self.kernels.open(packed=packed, threads=threads)
        from biobert_onnx.encoding.sessions import Sessions  # imports onnxruntime, which the kernels do without

        exact = not manifest.has_float32_products  # these round otherwise without packing
        return Sessions(
            folder / ENCODER_GRAPH,
            dim=manifest.dim,
            threads=threads,
            quick_start=exact,
            pairs=manifest.pairs,
            token_dim=manifest.token_dim,
        )

    def __str__(self) -> str:
        """The engine as people read it.

        >>> print(Engine(name=KERNELS, kernel="avx2"))
        kernels (avx2)
        """
        if self.kernel is not None:
            return f"{self.name} ({self.kernel})"
        return f"{self.name}, as {self.reason}" if self.reason else self.name


def prepack(artifact: Path, into: Path | None = None) -> Path:
    """Write the packed weights of `artifact` into the folder `into`, by default ARTIFACT/prepacked, and return it.

    A folder of an earlier prepack is replaced, whole or not at all. Raises ArtifactError for a folder that is no
    artifact, or one that is packed or that the kernels do not run, FileExistsError if `into` holds anything else than
    packed weights.
    """
    manifest = Manifest.read(artifact)
    if manifest.is_packed:
        raise ArtifactError(f"'{artifact}' is packed already, in '{artifact / PACKED_FOLDER}': use it as it is")
    try:
        plan = supported_plan(artifact, manifest)
        return write_prepacked(artifact, plan, into)
    except KernelsUnavailableError as error:
        raise ArtifactError(f"'{artifact}' needs no packed weights, as the kernels cannot run it: {error}") from error
