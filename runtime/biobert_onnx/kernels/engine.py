"""Whether an artifact can run on the kernels here, and on which one."""

import os
from dataclasses import dataclass
from pathlib import Path

from biobert_onnx._file_status import is_file
from biobert_onnx.artifact.manifest import LAYERS_OF_MEAN, MEAN_LAST_FOUR, Manifest
from biobert_onnx.artifact.paths import PACKED_FOLDER, PLAN
from biobert_onnx.errors import ArtifactError
from biobert_onnx.kernels.library import Kernel, KernelsUnavailableError, find_kernel
from biobert_onnx.kernels.packed import Arrays, pack_in_memory
from biobert_onnx.kernels.plan import KernelPlan
from biobert_onnx.kernels.prepacked import fitting_weights, map_prepacked
from biobert_onnx.kernels.session import KernelSession

SWITCH = "BIOBERT_ONNX_KERNEL"
"""The environment variable that names the one kernel to take, for comparisons and tests."""


@dataclass(frozen=True)
class KernelEngine:
    """What an encoder needs to run an artifact on the kernels; `manifest`: None where there is none yet."""

    folder: Path
    plan: KernelPlan
    kernel: Kernel
    manifest: Manifest | None = None

    @classmethod
    def of(cls, folder: Path, manifest: Manifest) -> "KernelEngine":
        """Return the engine for the artifact in `folder`.

        Raises KernelsUnavailableError, whose message says why, if the kernels cannot run it or do not run here;
        ArtifactError if its plan is damaged.
        """
        plan = supported_plan(folder, manifest)
        return cls(folder, plan, _chosen_kernel(), manifest)

    @classmethod
    def of_plan(cls, folder: Path) -> "KernelEngine":
        """Return the engine for the plan in `folder`, which is no artifact yet; raises as `of` does."""
        if not is_file(folder / PLAN):
            raise KernelsUnavailableError(f"there is no {PLAN}")
        return cls(folder, whole_plan(folder), _chosen_kernel())

    def open(self, *, threads: int, packed: Path | None = None) -> KernelSession:
        """Open a session on the packed weights in the folder `packed` if they fit, else on weights packed now.

        A packed artifact runs on its own. `threads`: workspaces to keep at most. Raises ArtifactError for weights that
        cannot be packed.
        """
        return KernelSession(self.plan, self._arrays(packed), self.kernel, threads=threads)

    def _arrays(self, packed: Path | None) -> Arrays:
        mapped = None
        if self.manifest is not None:
            folder = self.folder / PACKED_FOLDER if self.manifest.is_packed else packed
            mapped = None if folder is None else map_prepacked(folder, self.manifest, self.plan)
        return pack_in_memory(self.folder, self.plan) if mapped is None else mapped


def _chosen_kernel() -> Kernel:
    return find_kernel(os.environ.get(SWITCH) or None)


def supported_plan(folder: Path, manifest: Manifest) -> KernelPlan:
    """Return the plan of the artifact in `folder`, which the kernels of this version compute wholly.

    Raises KernelsUnavailableError if they do not, ArtifactError if the plan is damaged.
    """
    if manifest.precision != "int8":
        raise KernelsUnavailableError(f"the artifact has precision {manifest.precision}, and they take int8")
    if PLAN not in manifest.files:
        raise KernelsUnavailableError(f"the artifact has no {PLAN}: it was exported before there were kernels")
    if manifest.is_packed and fitting_weights(folder / PACKED_FOLDER, manifest) is None:
        raise KernelsUnavailableError("its packed weights are damaged, or made for another version of biobert-onnx")
    plan = whole_plan(folder)
    found = (plan.pooling, plan.geometry["hidden_size"], plan.makes_unit_length, plan.pairs)
    expected = (manifest.pooling, manifest.dim, manifest.normalized, manifest.pairs)
    if found != expected:
        raise ArtifactError(
            f"'{folder / PLAN}' has {_vectors(*found)}, expected {_vectors(*expected)}, as the manifest says: export "
            "or copy the artifact again"
        )
    _check_token_layers(folder / PLAN, plan, manifest)
    return plan


def _check_token_layers(path: Path, plan: KernelPlan, manifest: Manifest) -> None:
    """Raise ArtifactError, which names the plan's `path`, unless its network has the manifest's vectors of tokens."""
    hidden, layers = plan.geometry["hidden_size"], plan.geometry["num_hidden_layers"]
    least = LAYERS_OF_MEAN if MEAN_LAST_FOUR in manifest.token_layers else 1
    if manifest.token_layers and (hidden != manifest.token_dim or layers < least):
        raise ArtifactError(
            f"'{path}' has {layers} layers of {hidden} channels, expected {least} or more of {manifest.token_dim}, as "
            "token_layers and token_dim of the manifest say: export or copy the artifact again"
        )


def _vectors(pooling: str, dim: int, unit_length: bool, pairs: bool) -> str:
    unit = ", unit length" if unit_length else ""
    return f"{pooling} pooling of {dim} channels{unit}, {'pairs' if pairs else 'no pairs'}"


def whole_plan(folder: Path) -> KernelPlan:
    """Return the plan in `folder`, which the kernels compute wholly.

    Raises KernelsUnavailableError if they do not, ArtifactError if the plan is damaged.
    """
    plan = KernelPlan.read(folder)
    plan.check_complete(folder / PLAN)
    plan.check_supported()
    return plan
