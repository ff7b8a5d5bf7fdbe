"""What people read of a manifest: the artifact in one line, and its fidelity in a table."""

from collections.abc import Iterator, Mapping
from typing import Any

from biobert_onnx.artifact.manifest import Manifest


def sentence(manifest: Manifest) -> str:
    """Return the artifact in one line; its family is named if that is not BERT."""
    unit = ", unit length" if manifest.normalized else ""
    pairs = ", takes pairs" if manifest.pairs else ""
    family = "" if manifest.model_type == "bert" else f"{manifest.model_type}, "
    return (
        f"{manifest.name}, {family}{manifest.precision}, {manifest.dim} dimensions, {manifest.pooling} pooling{unit}, "
        f"{manifest.casing}{pairs}, texts cut to {manifest.max_length} tokens"
    )


def cosine_lines(manifest: Manifest, *, by_length: bool = True) -> Iterator[str]:
    """Yield the cosines to the reference, a line a set of texts and engine; if `by_length`, one a length class, too."""
    yield "cosine to the float32 reference     texts     mean       p1    least"
    for name, record in manifest.fidelity.items():
        yield _cosines(f"{name}, with onnxruntime", record)
        for length, part in record["by_length"].items() if by_length else ():
            yield _cosines(f"  {length}", part)
    for name, record in (manifest.kernels_fidelity or {}).items():
        yield _cosines(f"{name}, with the kernels", record)


def search_lines(manifest: Manifest) -> Iterator[str]:
    """Yield what searches keep of the reference's, a line a set of texts and engine."""
    yield "searches, against float32's          centred: mean    least  neighbours    ranks"
    for name, record in manifest.fidelity.items():
        yield _searches(f"{name}, with onnxruntime", record)
    for name, record in (manifest.kernels_fidelity or {}).items():
        yield _searches(f"{name}, with the kernels", record)


def _cosines(name: str, record: Mapping[str, Any]) -> str:
    figures = (f"{record[key]:9.5f}" for key in ("cosine_mean", "cosine_p1", "cosine_min"))
    return f"{name:34} {record['texts']:6}{''.join(figures)}"


def _searches(name: str, record: Mapping[str, Any]) -> str:
    """Return what a search over a set of texts keeps; manifests of older versions do not have it."""
    if "neighbours_kept" not in record:
        return f"{name:34} not measured: exported by an older version"
    centred = f"{record['centred_mean']:15.5f}{record['centred_min']:9.5f}"
    return f"{name:34} {centred}{record['neighbours_kept']:11.1%} {record['rank_correlation']:8.5f}"
