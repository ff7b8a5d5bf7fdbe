"""This project's export and runtime."""

from pathlib import Path

from benchmarks.harness.subjects import MAX_LENGTH, Subject
from benchmarks.peers.contender import Load, Prepare
from benchmarks.peers.padded import Encode


def export_ours(precision: str) -> Prepare:
    """Return a function that exports the subject with `precision`."""

    def prepare(subject: Subject, folder: Path) -> None:
        from biobert_onnx_export import export

        export(subject.checkpoint, folder / "artifact", precision=precision, max_length=MAX_LENGTH)

    return prepare


def prepack_ours(subject: Subject, folder: Path) -> None:
    """Copy the int8 artifact, and pack its weights for the kernels."""
    import shutil

    from biobert_onnx.encoding.engines import prepack

    shutil.copytree(folder.parent / "biobert-onnx-int8" / "artifact", folder / "artifact")
    prepack(folder / "artifact")


def load_ours(engine: str) -> Load:
    """Return a function that loads this project's encoder, which makes its own micro-batches, on `engine` alone."""

    def load(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
        from biobert_onnx import SentenceEncoder

        encoder = SentenceEncoder(folder / "artifact", threads=threads, engine=engine)
        return lambda texts, batch: encoder.encode(texts)

    return load
