"""Texts from files, vectors into files: what the `encode` command reads and writes."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

STDIN = "-"
OUTPUTS = (".npy", ".jsonl")


def read_texts(path: str) -> list[str]:
    """The lines of the UTF-8 file at `path`, or of standard input for "-": one text a line, blank lines included.

    Lines end with a line feed, or carriage return and line feed; a last line without one counts too. Raises ValueError
    that names the line if the bytes are no UTF-8.
    """
    data = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"'{path}' is no UTF-8 text: byte {data[error.start]:#x} in line {line}: convert it"
        ) from error
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def write_embeddings(path: Path, texts: Sequence[str], embeddings: NDArray[np.float32]) -> None:
    """Write `embeddings` (texts, dim) to `path`, whole or not at all.

    A .npy file holds the array; a .jsonl file one object a line, {"text": ..., "embedding": [...]}.
    """
    with _replaced(path) as file:
        if path.suffix == ".npy":
            np.save(file, embeddings)
            return
        for text, row in zip(texts, embeddings, strict=True):
            line = json.dumps({"text": text, "embedding": row.tolist()}, ensure_ascii=False)
            file.write(line.encode("utf-8") + b"\n")


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside `path` that takes its name if the block ends well, and is removed if not."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
