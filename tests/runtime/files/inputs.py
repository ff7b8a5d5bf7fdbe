"""Files of texts for the tests of readers, and what is read from them."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

from biobert_onnx._types import Text
from biobert_onnx.files.formats import open_reader

PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def written(path: Path, content: str | bytes) -> Path:
    """`path`, with `content` in it, packed if its ending says so."""
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(PACKERS[path.suffix](data) if path.suffix in PACKERS else data)
    return path


def records(path: Path, *, size: int = 2, **options: str) -> list[dict[str, Any]]:
    """The records of `path`, read in groups of `size`."""
    groups = list(open_reader(str(path), **options).groups(max_rows=size))
    assert {len(group.texts) for group in groups[:-1]} <= {size}
    return [record for group in groups for record in group.content]


def texts(path: Path, **options: str) -> list[Text]:
    """The texts of `path`."""
    return [text for group in open_reader(str(path), **options).groups(max_rows=2) for text in group.texts]
