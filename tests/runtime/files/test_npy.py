"""Vectors as one array: the same bytes as numpy's own."""

from pathlib import Path

import numpy as np

from biobert_onnx import SentenceEncoder
from biobert_onnx.files.encode import encode_file
from biobert_onnx.files.formats import open_reader
from tests.runtime.files.inputs import written

TEXTS = [f"Text number {number}." for number in range(2 * 1024 + 5)]


def test_npy_has_the_bytes_of_numpys_own_file_and_can_be_mapped(encoder: SentenceEncoder, tmp_path: Path) -> None:
    source = written(tmp_path / "in.txt", "\n".join(TEXTS))
    assert encode_file(encoder, open_reader(str(source)), tmp_path / "out.npy", normalize=False).vectors == len(TEXTS)
    np.save(tmp_path / "expected.npy", encoder.encode(TEXTS))
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()
    assert np.load(tmp_path / "out.npy", mmap_mode="r").shape == (len(TEXTS), encoder.dim)
