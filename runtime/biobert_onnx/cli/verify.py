"""`verify`: every file of an artifact, its packed weights, and its vectors' known numbers."""

import argparse
from pathlib import Path

from biobert_onnx._file_status import is_folder
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import PACKED_FOLDER
from biobert_onnx.cli.arguments import add_artifact
from biobert_onnx.errors import ArtifactError
from biobert_onnx.kernels.prepacked import MADE_OTHERWISE, check_packed, is_made_from

EXAMPLES = """\
example:
  biobert-onnx verify biobert-int8
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    add_artifact(parser)


def run(options: argparse.Namespace) -> None:
    """Check, and say what was found."""
    from biobert_onnx.catalog.models import find
    from biobert_onnx.catalog.published import verify_known_answers

    manifest = Manifest.read(options.artifact)
    manifest.check_contents(options.artifact)
    print(f"{options.artifact}: all {len(manifest.files)} files have the sha256 of the manifest")
    packed = options.artifact / PACKED_FOLDER
    if is_folder(packed):
        _check_packed(packed, manifest)
    model = find(manifest.checkpoint.get("model"))
    if model is not None:
        for line in verify_known_answers(options.artifact, manifest, model):
            print(line)


def _check_packed(packed: Path, manifest: Manifest) -> None:
    """Check the packed weights, and say whether they are used; raises ArtifactError if they are damaged."""
    if is_made_from(packed, manifest):
        check_packed(packed)
        print(f"{packed}: what prepack wrote")
    elif manifest.is_packed:
        raise ArtifactError(
            f"'{packed}' holds packed weights of another version of biobert-onnx: bundle the artifact again with the "
            "version that runs it"
        )
    else:
        print(f"{packed}: not used: {MADE_OTHERWISE}")
