"""`similarity`: the nearest lines of another file, the nearest pairs of one, and one line for each mistake."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.cli import similarity
from biobert_onnx.cli.main import main
from tests.runtime.cli.command import refused, run

LINES = ["Sepsis in mice.", "A gene of mice.", "Sepsis in mice!", "The kidney fails.", "Cells of the kidney."]
QUESTIONS = ["Which gene?", "Does a kidney fail?", "Sepsis"]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(QUESTIONS) + "\n", encoding="utf-8")
    return path


def found(*arguments: object, stdin: bytes = b"") -> list[dict[str, Any]]:
    """What the command prints with --json, with no word beside it."""
    done = run("similarity", *arguments, "--json", stdin=stdin)
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


OTHER_LETTERS = ["β-blockers", "naïve T cells", "患者", "a 🧬 and α"]
"""Of these, cp1252 has the second alone."""


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "utf8"])
def test_texts_are_printed_on_any_encoding_of_stdout(artifact: Path, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(OTHER_LETTERS) + "\n", encoding="utf-8")
    variables: dict[str, Any] = {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    plain = run("similarity", artifact, path, **variables)
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert ("β" if encoding.startswith("utf") else r"\u03b2") in plain.stdout.decode(encoding)
    as_json = run("similarity", artifact, path, "--json", **variables)
    assert (as_json.returncode, as_json.stderr) == (0, b"")
    records = [json.loads(line) for line in as_json.stdout.decode(encoding).splitlines()]
    assert {near[side]["text"] for near in records for side in "ab"} == set(OTHER_LETTERS)
    assert ("患" in as_json.stdout.decode(encoding)) == encoding.startswith("utf")


def test_each_line_of_a_has_its_nearest_lines_of_b(
    artifact: Path, encoder: SentenceEncoder, lines: Path, questions: Path
) -> None:
    cosines = encoder.similarity(encoder.encode(QUESTIONS), encoder.encode(LINES))
    records = found(artifact, questions, lines, "--top", 2)
    expected = [(row, column) for row in range(3) for column in np.argsort(-cosines[row])[:2]]
    assert [(near["a"]["number"] - 1, near["b"]["number"] - 1) for near in records] == expected
    for near, (row, column) in zip(records, expected, strict=True):
        assert (near["a"]["text"], near["b"]["text"]) == (QUESTIONS[row], LINES[column])
        assert near["cosine"] == pytest.approx(cosines[row, column], abs=1e-5)


def test_without_b_the_nearest_pairs_of_different_lines_are_listed(
    artifact: Path, encoder: SentenceEncoder, lines: Path
) -> None:
    vectors = encoder.encode(LINES)
    cosines = encoder.similarity(vectors, vectors)
    records = found(artifact, lines)
    assert len(records) == 5
    pairs = [(near["a"]["number"] - 1, near["b"]["number"] - 1) for near in records]
    assert all(row < column for row, column in pairs)
    assert [near["cosine"] for near in records] == pytest.approx(
        np.sort(cosines[np.triu_indices(5, 1)])[:-6:-1], abs=1e-5
    )
    assert len(found(artifact, lines, "--top", 100)) == 10  # all that there are


def test_a_plain_line_has_the_cosine_both_numbers_and_both_texts(artifact: Path, lines: Path, questions: Path) -> None:
    [first, *_] = found(artifact, questions, lines, "--top", 1)
    printed = run("similarity", artifact, questions, lines, "--top", 1).stdout.decode().splitlines()
    assert len(printed) == 3
    number, text = first["b"]["number"], first["b"]["text"]
    assert printed[0] == f"{first['cosine']:7.4f}  1  {number}  {QUESTIONS[0]!r}  {text!r}"


def test_long_texts_are_shown_by_their_start_and_control_characters_as_escapes(artifact: Path) -> None:
    shown = run("similarity", artifact, "-", stdin=b"\x1b[31m" + b"word " * 30 + b"\nother\n").stdout.decode()
    assert shown.endswith(f"  1  2  '\\x1b[31m{'word ' * 10}wo...'  'other'\n")


def test_either_file_may_be_standard_input(artifact: Path, lines: Path, questions: Path) -> None:
    expected = found(artifact, questions, lines)
    assert found(artifact, "-", lines, stdin=questions.read_bytes()) == expected
    assert found(artifact, questions, "-", stdin=lines.read_bytes()) == expected
    assert "A and B are both '-', but standard input is read only once" in refused(2, "similarity", artifact, "-", "-")


def test_texts_are_read_by_the_options_of_encode(artifact: Path, lines: Path, tmp_path: Path) -> None:
    rows = [{"title": text} for text in LINES]
    rows[1:1] = [{"title": None}]  # type: ignore[dict-item]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments = ("similarity", artifact, tmp_path / "in.jsonl", "--json")
    assert "has no 'text', only 'title': name the text with --field" in refused(2, *arguments)
    done = run(*arguments, "--field", "title", "--missing", "skip", "--top", 10)
    assert done.stderr.decode().startswith("biobert-onnx: note: 1 row without a text left out, first ")
    numbers = {near[side]["number"] for near in map(json.loads, done.stdout.splitlines()) for side in "ab"}
    assert numbers == {1, 3, 4, 5, 6}  # those of the rows in the file
    assert len(found(artifact, lines, "--top", 10)) == len(done.stdout.splitlines())


def test_a_text_that_is_too_long_is_named_by_its_place(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("short\n" + "word " * 600 + "\n", encoding="utf-8")
    message = refused(1, "similarity", artifact, tmp_path / "long.txt", "--long-texts", "error", "--max-length", 20)
    assert f"'{tmp_path / 'long.txt'}', line 2 has more than 20 tokens: split it, or choose --long-texts" in message


@pytest.mark.parametrize(("bound", "what"), [("MAX_TEXTS", "texts"), ("MAX_CHARACTERS", "characters")])
def test_what_is_too_much_for_memory_is_refused_with_the_remedy(
    bound: str,
    what: str,
    artifact: Path,
    lines: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(similarity, bound, 4)
    assert main(["similarity", str(artifact), str(lines)]) == 1
    assert capsys.readouterr().err == (
        f"biobert-onnx: error: '{lines}' has more than 4 {what}: split the file, or search in a vector store, see "
        "docs/vector-stores.md\n"
    )


def test_what_cannot_be_compared_is_one_line(artifact: Path, lines: Path, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("alone\n", encoding="utf-8")
    (tmp_path / "none.txt").write_text("", encoding="utf-8")
    assert "one.txt' has 1 text, expected at least 2" in refused(1, "similarity", artifact, tmp_path / "one.txt")
    assert "none.txt' has 0 texts, expected at least 1" in refused(
        1, "similarity", artifact, lines, tmp_path / "none.txt"
    )
    for top in (0, 10_001):
        message = refused(2, "similarity", artifact, lines, "--top", top)
        assert f"--top is {top}, expected 1 to 10000: how many texts, or pairs, are listed" in message
    assert "no such file" in refused(2, "similarity", artifact, lines, tmp_path / "absent.txt")
