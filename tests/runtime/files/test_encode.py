"""From a file to a file: every row's vector in its place, whole or not at all."""

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder, _progress
from biobert_onnx._types import FloatArray
from biobert_onnx.files.encode import Encoded, count_texts, encode_array, encode_file, find_text
from biobert_onnx.files.formats import open_reader
from biobert_onnx.files.rows import InputError
from tests.runtime.files.inputs import written

TEXTS = [f"Text number {number}." for number in range(1024 + 100)]


def jsonl(texts: Sequence[str | None]) -> str:
    return "".join(json.dumps({"text": text}) + "\n" for text in texts)


def test_a_bad_row_after_whole_groups_leaves_the_old_output_and_nothing_else(
    encoder: SentenceEncoder, tmp_path: Path
) -> None:
    source = written(tmp_path / "in.jsonl", jsonl(TEXTS) + "{\n")
    (tmp_path / "out.npy").write_bytes(b"old")
    with pytest.raises(ValueError, match=f"line {len(TEXTS) + 1} is no JSON"):
        encode_file(encoder, open_reader(str(source)), tmp_path / "out.npy", normalize=False)
    assert (tmp_path / "out.npy").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.npy"]


def test_a_bad_row_is_told_before_anything_is_computed(artifact: Path, tmp_path: Path) -> None:
    encoder = SentenceEncoder(artifact)
    encoder._session.close()  # it can compute nothing
    source = written(tmp_path / "in.jsonl", jsonl([*TEXTS, None]))
    with pytest.raises(InputError, match=f"line {len(TEXTS) + 1}: 'text' is null"):
        encode_file(encoder, open_reader(str(source)), tmp_path / "out.npy")
    with pytest.raises(ValueError, match="closed"):
        encode_file(encoder, open_reader(str(source), missing="skip"), tmp_path / "out.npy")


@pytest.fixture(scope="module")
def right(encoder: SentenceEncoder) -> FloatArray:
    """The vectors of TEXTS."""
    return encoder.encode(TEXTS)


@pytest.mark.parametrize("missing", [[0], [1023], [1024], [5, 6, 1023, 1024, 1025, len(TEXTS) - 1], range(1100)])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "csv.gz"])
def test_every_other_row_keeps_its_vector_in_its_place(
    encoder: SentenceEncoder, right: FloatArray, tmp_path: Path, missing: Sequence[int], kind: str
) -> None:
    texts = [None if row in missing else text for row, text in enumerate(TEXTS)]
    if kind == "jsonl":
        content = jsonl(texts)
    else:
        between = "\t" if kind == "tsv" else ","
        content = f"id{between}text\n" + "".join(f"{row}{between}{text or ''}\n" for row, text in enumerate(texts))
    source = written(tmp_path / f"in.{kind}", content)
    skipped = encode_file(encoder, open_reader(str(source), missing="skip"), tmp_path / "skip.npy")
    line = next(iter(missing)) + (1 if kind == "jsonl" else 2)
    assert skipped == Encoded(
        texts=len(TEXTS) - len(missing),
        vectors=len(TEXTS) - len(missing),
        missing=len(missing),
        first_missing=f"'{source}', line {line}",
    )
    assert (np.load(tmp_path / "skip.npy") == np.delete(right, list(missing), axis=0)).all()
    encode_file(encoder, open_reader(str(source), missing="empty"), tmp_path / "empty.npy")
    expected = right.copy()
    expected[list(missing)] = encoder.encode([""])
    assert (np.load(tmp_path / "empty.npy") == expected).all()


def test_groups_of_any_size_keep_their_order(encoder: SentenceEncoder, tmp_path: Path) -> None:
    draw = random.Random(3)
    texts = [f"{number} " + "gene " * draw.choice([0, 1, 5, 400_000]) for number in range(60)]
    source = written(tmp_path / "in.txt", "\n".join(texts))
    with pytest.warns(UserWarning, match="were cut"):
        encode_file(encoder, open_reader(str(source)), tmp_path / "out.npy")
    with pytest.warns(UserWarning, match="were cut"):
        assert (np.load(tmp_path / "out.npy") == encoder.encode(texts)).all()


@pytest.mark.parametrize(("kind", "place"), [("txt", "line 1030"), ("jsonl", "line 1030"), ("csv", "line 1031")])
def test_a_text_that_is_too_long_is_named_by_its_row(artifact: Path, tmp_path: Path, kind: str, place: str) -> None:
    texts = ["a"] * 1029 + ["gene " * 100, "a"]
    content = {"txt": "\n".join(texts), "jsonl": jsonl(texts), "csv": "\n".join(["text", *texts])}[kind]
    source = written(tmp_path / f"in.{kind}", content)
    with pytest.raises(InputError) as error:
        encode_file(
            SentenceEncoder(artifact, max_length=64), open_reader(str(source)), tmp_path / "o.npy", long_texts="error"
        )
    assert str(error.value).startswith(f"'{source}', {place} has more than 64 tokens: split it")
    assert list(tmp_path.iterdir()) == [source]


def test_the_row_of_a_long_text_counts_rows_that_were_left_out(artifact: Path, tmp_path: Path) -> None:
    source = written(tmp_path / "in.jsonl", jsonl([None, "a", None, "gene " * 100]))
    encoder = SentenceEncoder(artifact, max_length=64)
    with pytest.raises(InputError, match=r"in\.jsonl', line 4 has more than 64 tokens"):
        encode_file(encoder, open_reader(str(source), missing="skip"), tmp_path / "o.npy", long_texts="error")


def test_the_bar_counts_every_text_and_names_what_is_done_before(
    encoder: SentenceEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "can_show_progress", lambda: True)
    source = written(tmp_path / "in.txt", "\n".join(TEXTS))
    encode_file(encoder, open_reader(str(source)), tmp_path / "o.npy", show_progress=True)
    states = capsys.readouterr().err.split("\r")
    assert states[1] == "checking the input"
    assert re.fullmatch(r"100% \[#{20,30}\] 1,124/1,124 texts, [\d,.]+ texts/s, 0 s left *\n", states[-1])


def test_nothing_is_drawn_unless_it_is_asked_for(
    encoder: SentenceEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encode_file(encoder, open_reader(str(written(tmp_path / "in.txt", "a\n"))), tmp_path / "o.npy")
    assert capsys.readouterr().err == ""


def array_of(encoder: SentenceEncoder, source: Path, *, texts: int) -> FloatArray:
    """The vectors of `source` in memory."""
    return encode_array(
        lambda groups, progress: encoder.encode_groups(groups, progress=progress),
        open_reader(str(source)),
        texts=texts,
        dim=encoder.dim,
    )


def test_the_vectors_in_memory_are_those_of_the_encoder(encoder: SentenceEncoder, tmp_path: Path) -> None:
    texts = [f"Text number {number}." for number in range(1024 + 5)]
    source = written(tmp_path / "in.txt.gz", "\n".join(texts))
    assert count_texts(open_reader(str(source)), show_progress=False) == len(texts)
    assert (array_of(encoder, source, texts=len(texts)) == encoder.encode(texts)).all()


@pytest.mark.parametrize("texts", [2, 4])
def test_a_file_that_was_changed_since_it_was_counted_is_told(
    encoder: SentenceEncoder, tmp_path: Path, texts: int
) -> None:
    source = written(tmp_path / "in.txt", "a\nb\nc\n")
    with pytest.raises(InputError, match=f"in.txt' had {texts} texts, and now has 3: leave it alone while it is read"):
        array_of(encoder, source, texts=texts)


def test_a_text_is_found_by_its_index_among_the_rows_that_have_one(tmp_path: Path) -> None:
    source = written(tmp_path / "in.jsonl", jsonl(["first", None, "third"]))
    reader = open_reader(str(source), missing="skip")
    assert find_text(reader, 1) == (f"'{source}', line 3", "third")
    with pytest.raises(InputError, match="has 2 texts now, and had more"):
        find_text(reader, 2)
