"""Files of vectors: the same bytes as numpy's own, the rows kept, and nothing under the name until all is written."""

import json
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx._atomic_files import atomic_file
from biobert_onnx.encoding.texts import CHUNK_TEXTS as CHUNK
from biobert_onnx.files.encode import encode_file, open_reader

TEXTS = [f"Text number {number}." for number in range(2 * CHUNK + 5)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    rows = ({"id": number, "text": text, "π": [number / 7, None]} for number, text in enumerate(TEXTS))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_npy_has_the_bytes_of_numpys_own_file_and_can_be_mapped(
    encoder: SentenceEncoder, source: Path, tmp_path: Path
) -> None:
    assert encode_file(encoder, open_reader(str(source)), tmp_path / "out.npy", normalize=False) == len(TEXTS)
    np.save(tmp_path / "expected.npy", encoder.encode(TEXTS))
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()
    assert np.load(tmp_path / "out.npy", mmap_mode="r").shape == (len(TEXTS), encoder.dim)


def test_jsonl_keeps_every_value_of_the_row_and_adds_its_vector(
    encoder: SentenceEncoder, source: Path, tmp_path: Path
) -> None:
    encode_file(encoder, open_reader(str(source)), tmp_path / "out.jsonl", normalize=True)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    vectors = np.array([row.pop("embedding") for row in rows], dtype=np.float32)
    assert rows == [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    assert (vectors == encoder.encode(TEXTS, normalize_embeddings=True)).all()


def test_a_bad_row_after_whole_chunks_leaves_the_old_output_and_nothing_else(
    encoder: SentenceEncoder, source: Path, tmp_path: Path
) -> None:
    source.write_text(source.read_text(encoding="utf-8") + "{\n", encoding="utf-8")
    (tmp_path / "out.npy").write_bytes(b"old")
    with pytest.raises(ValueError, match=f"line {len(TEXTS) + 1} is no JSON"):
        encode_file(encoder, open_reader(str(source)), tmp_path / "out.npy", normalize=False)
    assert (tmp_path / "out.npy").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.npy"]


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    with atomic_file(tmp_path / "out") as file:
        file.write(b"new")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_replaced_file_keeps_its_permissions_and_links_to_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("file")
    with atomic_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
