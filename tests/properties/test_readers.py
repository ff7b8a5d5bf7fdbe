"""Any bytes as an input file: rows of texts, or one ValueError that names the file."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from biobert_onnx import SentenceEncoder
from biobert_onnx._types import Text
from biobert_onnx.files.encode import encode_file
from biobert_onnx.files.formats import open_reader
from tests.properties.strategies import damaged, json_values, nestings, texts
from tests.runtime.files.inputs import PACKERS

SYNTAX = ('"', '""', ",", "text", "\r", "\n", "{", '{"text": "a"}')
lines = st.lists(st.one_of(texts, st.sampled_from(SYNTAX)), max_size=9)
records = st.dictionaries(st.sampled_from(["text", "id", "embedding"]), json_values, max_size=3)


def rows_of(path: Path, content: bytes, **options: str) -> list[Text] | None:
    """The texts in `content`, None if they are refused; whatever is read is a list of str of whole groups.

    The check of the whole file, which comes first when a file is encoded, says the same as reading it.
    """
    path.write_bytes(content)
    try:
        reader = open_reader(str(path), **options)
        groups = list(reader.groups(max_rows=3))
    except ValueError as error:
        assert f"'{path}'" in str(error) and "\n" not in str(error)
        return None
    for group in groups:
        assert len(group.texts) == len(group.content) == len(group.numbers)
        assert all(isinstance(text, str) for text in group.texts)
        json.dumps(group.texts, ensure_ascii=False).encode()
    assert [len(group.texts) for group in groups[:-1]] == [3] * (len(groups) - 1)
    texts = [text for group in groups for text in group.texts]
    assert reader.check(lambda rows: None, lambda share: None) == len(texts)
    return texts


@given(
    content=st.one_of(st.binary(), lines.map("".join).map(str.encode)),
    missing=st.sampled_from(["stop", "empty", "skip"]),
)
@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv", ".tsv", ".parquet", ".txt.gz", ".csv.bz2", ".jsonl.xz"])
def test_any_bytes_are_rows_or_refused(tmp_path: Path, suffix: str, content: bytes, missing: str) -> None:
    rows_of(tmp_path / f"a{suffix}", content, missing=missing)


@given(content=lines.map("".join).map(str.encode), data=st.data())
@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
def test_a_packed_file_holds_what_was_packed_and_damage_never_gives_other_rows(
    tmp_path: Path, suffix: str, packed: str, content: bytes, data: st.DataObject
) -> None:
    whole = rows_of(tmp_path / f"a{suffix}", content)
    packed_content = PACKERS[packed](content)
    assert rows_of(tmp_path / f"a{suffix}{packed}", packed_content) == whole
    end = data.draw(st.integers(0, len(packed_content) - 1))
    assert rows_of(tmp_path / f"a{suffix}{packed}", packed_content[:end]) is None


@given(rows=st.lists(st.sampled_from(["a", "", None]), max_size=12))
def test_skipped_rows_are_those_without_a_text(tmp_path: Path, rows: list[str | None]) -> None:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in rows).encode()
    assert rows_of(tmp_path / "a.jsonl", lines, missing="skip") == [text for text in rows if text is not None]
    assert rows_of(tmp_path / "a.jsonl", lines, missing="empty") == [text or "" for text in rows]
    expected = None if None in rows else rows
    assert rows_of(tmp_path / "a.jsonl", lines) == expected


@given(content=lines.map("".join))
def test_every_line_of_text_is_a_row(tmp_path: Path, content: str) -> None:
    ended = content.removeprefix("\ufeff")
    assume(ended.partition("\n")[0].count("\0") < 2)  # UTF-16 looks like that
    expected = [line.removesuffix("\r") for line in ended.removesuffix("\n").split("\n")] if ended else []
    is_of_old_macs = "\n" not in ended and "\r" in ended.rstrip("\r")
    assert rows_of(tmp_path / "a.txt", content.encode()) == (None if is_of_old_macs else expected)


@given(rows=st.lists(st.one_of(records, json_values), max_size=4))
def test_any_json_lines_are_rows_or_refused(tmp_path: Path, rows: list[object]) -> None:
    found = rows_of(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)).encode())
    if found is not None:
        assert found == [row["text"] for row in rows if isinstance(row, dict)]


@given(nesting=nestings)
def test_json_however_deep_is_refused_by_its_line(tmp_path: Path, nesting: str) -> None:
    assert rows_of(tmp_path / "a.jsonl", nesting.encode()) is None
    assert rows_of(tmp_path / "a.jsonl", f'{{"text": {nesting}}}'.encode()) is None


@given(nesting=nestings)
def test_a_row_however_deep_is_written_as_it_was_or_refused(
    encoder: SentenceEncoder, tmp_path: Path, nesting: str
) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"text": "a", "deep": {nesting}}}')
    (tmp_path / "out.jsonl").unlink(missing_ok=True)
    try:
        encode_file(encoder, open_reader(str(tmp_path / "a.jsonl")), tmp_path / "out.jsonl", normalize=False)
    except ValueError as error:
        assert "a.jsonl'" in str(error) and not (tmp_path / "out.jsonl").exists()
    else:
        assert nesting in (tmp_path / "out.jsonl").read_text()


@given(data=st.data())
def test_a_damaged_table_is_rows_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"text": ["Sepsis", "", "TNF-α"] * 3, "id": list(range(9))})
    parquet.write_table(table, tmp_path / "whole.parquet", row_group_size=4)
    rows_of(tmp_path / "a.parquet", data.draw(damaged((tmp_path / "whole.parquet").read_bytes())))
