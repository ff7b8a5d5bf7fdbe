"""What commands say of an artifact."""

from collections.abc import Mapping
from typing import Any

from biobert_onnx.artifact.manifest import Manifest

MEBIBYTE = 2**20


def sentence(manifest: Manifest) -> str:
    """The artifact in one line."""
    unit = ", unit length" if manifest.normalized else ""
    return (
        f"{manifest.name}, {manifest.precision}, {manifest.dim} dimensions, {manifest.pooling} pooling{unit}, "
        f"{manifest.casing}, texts cut to {manifest.max_length} tokens"
    )


def print_fidelity(manifest: Manifest) -> None:
    """Print a line a set of texts, and a line each of its length classes."""
    print("cosine to the float32 reference     texts     mean       p1    least")
    for name, record in manifest.fidelity.items():
        _print_record(name, record)
        for length, part in record["by_length"].items():
            _print_record(f"  {length}", part)


def _print_record(name: str, record: Mapping[str, Any]) -> None:
    figures = (f"{record[key]:9.5f}" for key in ("cosine_mean", "cosine_p1", "cosine_min"))
    print(f"{name:34} {record['texts']:6}{''.join(figures)}")
