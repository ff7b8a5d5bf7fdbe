"""An artifact rewritten for programs that cannot load its folder as it is."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import checked_folder
from biobert_onnx_export.publish.new_folder import new_folder
from biobert_onnx_export.publish.spark_nlp import write_spark_nlp


class Target(Protocol):
    """A program that an artifact is written for."""

    def __call__(self, manifest: Manifest, artifact: Path, folder: Path, *, name: str) -> list[str]:
        """Write the `artifact` of `manifest` into `folder`, which will be called `name`; return what its user sets.

        Raises ValueError for an artifact that the program cannot take.
        """


TARGETS: Mapping[str, Target] = {"spark-nlp": write_spark_nlp}
"""The programs by their names."""


def convert(artifact: str | os.PathLike[str], folder: str | os.PathLike[str], *, to: str) -> list[str]:
    """Write `artifact` for the program `to`, one of TARGETS, into the new `folder`.

    Returns the lines that its user must know: the call with its settings, and what differs there.

    Raises ArtifactError for an artifact that is damaged; ValueError for another `to`, a packed artifact and one that
    the program cannot take; FileExistsError if `folder` exists. After an error nothing is left.
    """
    if to not in TARGETS:
        raise ValueError(f"to is {to!r}, expected one of {', '.join(TARGETS)}")
    source = checked_folder(artifact)
    manifest = Manifest.read(source)
    manifest.check_contents(source)
    if manifest.is_packed:
        raise ValueError(
            f"'{artifact}' is packed, without a graph, expected an artifact with model.onnx: convert the one that it "
            "was packed from"
        )
    with new_folder(Path(folder)) as (_, made):
        return TARGETS[to](manifest, source, made, name=os.fspath(folder))
