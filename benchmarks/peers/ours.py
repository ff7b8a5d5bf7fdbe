"""This project's export and runtime."""

from pathlib import Path

from benchmarks.padded import Encode
from benchmarks.peers.contender import Prepare
from benchmarks.subjects import MAX_LENGTH, Subject


def export_ours(precision: str) -> Prepare:
    """This project's export."""

    def prepare(subject: Subject, folder: Path) -> None:
        from biobert_onnx_export import export

        export(subject.checkpoint, folder / "artifact", precision=precision, max_length=MAX_LENGTH)

    return prepare


def load_ours(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """This project's runtime; it makes its own micro-batches."""
    from biobert_onnx import SentenceEncoder

    encoder = SentenceEncoder(folder / "artifact", threads=threads)
    return lambda texts, batch: encoder.encode(texts)
