"""`compare`: figures of artifacts and arrays, and one line for each thing that cannot be compared."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.figures import Comparison
from tests.runtime.cli.command import command, drawn_on_terminal, refused, run

TEXTS = [
    f"Gene {number} of {number * number} was found in {word}." for word in ("mice", "cells") for number in range(30)
]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def vectors(encoder: SentenceEncoder) -> FloatArray:
    """The artifact's vectors of TEXTS."""
    return encoder.encode(TEXTS)


@pytest.fixture
def near(vectors: FloatArray, tmp_path: Path) -> Path:
    """The vectors a little changed, the one of the eighth text reversed."""
    spread = vectors.std(axis=0)
    changed = vectors + 0.05 * spread * np.random.default_rng(1).standard_normal(vectors.shape).astype(np.float32)
    changed[7] = -changed[7]
    np.save(tmp_path / "near.npy", changed)
    return tmp_path / "near.npy"


def test_an_artifact_fits_its_own_vectors(artifact: Path, vectors: FloatArray, texts: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "old.npy", vectors)
    done = run("compare", artifact, tmp_path / "old.npy", "--texts", texts)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[1:3] == [f"B: {tmp_path / 'old.npy'}: {vectors.shape[1]} dimensions", f"texts: 60, '{texts}'"]
    assert lines[3] == "cosine of A to B: mean 1.00000, 1st percentile 1.00000, least 1.00000"
    assert "neighbours kept: 100.0% of the 10 nearest, each in its own index" in lines
    assert "searches by A in the index of B: 100.0% of the 10 nearest kept" in lines
    assert lines[-1] == "A fits the index of B: its searches there find at least 90% of what B's find."


def test_the_artifact_is_named_with_its_engine(
    artifact: Path, encoder: SentenceEncoder, near: Path, texts: Path
) -> None:
    first = run("compare", artifact, near, "--texts", texts).stdout.decode().splitlines()[0]
    assert first.startswith(f"A: {artifact}: ")
    assert first.endswith(f", engine {SentenceEncoder(artifact).engine}")


def test_the_worst_text_is_shown_with_its_place(artifact: Path, near: Path, texts: Path) -> None:
    lines = run("compare", artifact, near, "--texts", texts).stdout.decode().splitlines()
    assert f"worst text: '{texts}', line 8: {TEXTS[7]!r}" in lines


def test_json_has_the_figures_with_six_decimals(artifact: Path, vectors: FloatArray, near: Path, texts: Path) -> None:
    found = json.loads(run("compare", near, artifact, "--texts", texts, "--json").stdout)
    expected = Comparison.of(np.load(near), vectors)
    assert expected.angles is not None
    dim = vectors.shape[1]
    assert found["a"] == {"source": str(near), "kind": "array", "description": f"{dim} dimensions", "dim": dim}
    assert (found["b"]["kind"], found["texts"], found["conclusion"]) == ("artifact", 60, expected.conclusion)
    assert found["neighbours_kept"] == round(expected.neighbourhood.neighbours_kept, 6) < 1
    assert found["rank_correlation"] == round(expected.neighbourhood.rank_correlation, 6)
    for name in ("cosine_mean", "cosine_p1", "cosine_min", "centred_mean", "centred_min", "mixed_neighbours_kept"):
        assert found[name] == round(getattr(expected.angles, name), 6)
    assert found["worst"] == {"place": f"'{texts}', line 8", "text": TEXTS[7]}


def test_different_dimensions_leave_cosines_and_the_mixed_search_out(
    artifact: Path, vectors: FloatArray, texts: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "narrow.npy", vectors[:, :50])
    done = run("compare", artifact, tmp_path / "narrow.npy", "--texts", texts)
    shown = done.stdout.decode()
    assert done.returncode == 0
    assert (
        f"left out: cosines, and searches by A in the index of B, as {vectors.shape[1]} numbers cannot meet 50\n"
        in shown
    )
    assert "cosine of A" not in shown and "neighbours kept: " in shown
    found = json.loads(run("compare", artifact, tmp_path / "narrow.npy", "--texts", texts, "--json").stdout)
    assert found["cosine_mean"] is found["worst"] is found["mixed_neighbours_kept"] is None
    assert 0 < found["neighbours_kept"] < 1


def test_texts_are_read_by_the_options_of_encode(artifact: Path, vectors: FloatArray, tmp_path: Path) -> None:
    rows = [{"id": number, "title": text} for number, text in enumerate(TEXTS)] + [{"id": 60, "title": None}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    np.save(tmp_path / "old.npy", vectors)
    arguments = ("compare", artifact, tmp_path / "old.npy", "--texts", tmp_path / "in.jsonl", "--json")
    assert "has no 'text', only 'id', 'title': name the text with --field" in refused(2, *arguments)
    done = run(*arguments, "--field", "title", "--missing", "skip")
    assert json.loads(done.stdout)["cosine_min"] == 1
    assert done.stderr.decode().startswith("biobert-onnx: note: 1 row without a text left out, first ")


def test_long_texts_are_cut_or_read_in_windows(artifact: Path, texts: Path, tmp_path: Path) -> None:
    windows = SentenceEncoder(artifact, max_length=9).encode(TEXTS, long_texts="window")
    np.save(tmp_path / "windows.npy", windows)
    arguments = ("compare", artifact, tmp_path / "windows.npy", "--texts", texts, "--json", "--max-length", "9")
    cut, whole = run(*arguments), run(*arguments, "--long-texts", "window")
    assert b"were cut there" in cut.stderr and json.loads(cut.stdout)["cosine_min"] < 0.9999
    assert whole.stderr == b"" and json.loads(whole.stdout)["cosine_min"] == 1
    line = refused(1, *arguments, "--long-texts", "error")
    assert f"'{texts}', line 1 has more than 9 tokens: split it, or choose --long-texts 'window' or 'truncate'" in line


def test_the_progress_bar_is_that_of_encode(artifact: Path, near: Path, texts: Path) -> None:
    shown = drawn_on_terminal(command("compare", artifact, near, "--texts", texts))
    assert "checking the input" in shown
    assert shown.rstrip().split("\r")[-1].startswith("100% [" + "#" * 30 + "] 60/60 texts, ")


def changed(row: int, number: float) -> Callable[[FloatArray], Any]:
    def change(vectors: FloatArray) -> Any:
        wide = vectors.astype(np.float64)
        wide[row, 3] = number
        return wide

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda vectors: vectors[:-1], "has 59 vectors, but '{texts}' has 60 texts: give the texts that the vectors"),
        (lambda vectors: vectors[0], "holds float32 of shape ({dim},), expected floats of shape (texts, dim)"),
        (lambda vectors: vectors[:, :0], "holds float32 of shape (60, 0), expected floats of shape (texts, dim)"),
        (lambda vectors: vectors.astype(np.int8), "holds int8 of shape (60, {dim}), expected floats of shape"),
        (lambda vectors: vectors.astype(str), "holds str"),
        (lambda vectors: vectors.astype(object), "is no .npy file of numbers, or not whole ("),
        (changed(7, float("nan")), "vector 8 holds a number that is not finite in float32 (1 such vectors)"),
        (changed(9, float("-inf")), "vector 10 holds a number that is not finite in float32"),
        (changed(0, 1e300), "vector 1 holds a number that is not finite in float32"),
    ],
)
def test_an_array_that_does_not_fit_is_one_line(
    vectors: FloatArray, texts: Path, near: Path, tmp_path: Path, change: Callable[[FloatArray], Any], message: str
) -> None:
    np.save(tmp_path / "bad.npy", change(vectors))
    line = refused(1, "compare", near, tmp_path / "bad.npy", "--texts", texts)
    assert f"'{tmp_path / 'bad.npy'}'" in line
    assert message.format(texts=texts, dim=vectors.shape[1]) in line


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00", b"PK\x03\x04"])
def test_a_file_that_is_no_array_is_one_line(texts: Path, near: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npy").write_bytes(content)
    assert f"'{tmp_path / 'bad.npy'}' " in refused(1, "compare", tmp_path / "bad.npy", near, "--texts", texts)


def test_an_array_that_was_cut_off_is_one_line(texts: Path, near: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.npy").write_bytes(near.read_bytes()[:-5])
    message = f"'{tmp_path / 'bad.npy'}' is no .npy file of numbers, or not whole ("
    assert message in refused(1, "compare", tmp_path / "bad.npy", near, "--texts", texts)


def test_several_arrays_in_one_file_are_one_line(texts: Path, near: Path, tmp_path: Path) -> None:
    with (tmp_path / "bad.npy").open("wb") as file:
        np.savez(file, a=np.zeros((60, 4)), b=np.zeros(3))
    assert "is no .npy file of numbers" in refused(1, "compare", tmp_path / "bad.npy", near, "--texts", texts)


@pytest.mark.parametrize("kind", ["<f2", "<f8", ">f4"])
def test_floats_of_any_size_are_compared_as_float32(
    artifact: Path, vectors: FloatArray, texts: Path, tmp_path: Path, kind: str
) -> None:
    np.save(tmp_path / "old.npy", np.asfortranarray(vectors.astype(kind)))
    found = json.loads(run("compare", artifact, tmp_path / "old.npy", "--texts", texts, "--json").stdout)
    assert found["cosine_min"] > 0.999999


@pytest.mark.parametrize(("lines", "found"), [(0, "0 texts"), (1, "1 text"), (2, "2 texts")])
def test_too_few_texts_are_one_line(near: Path, tmp_path: Path, lines: int, found: str) -> None:
    (tmp_path / "few.txt").write_text("Sepsis\n" * lines)
    expected = f"'{tmp_path / 'few.txt'}' has {found}, expected at least 3: give some hundreds"
    assert expected in refused(1, "compare", near, near, "--texts", tmp_path / "few.txt")


def test_few_texts_are_compared_without_a_conclusion(vectors: FloatArray, tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("Sepsis\n" * 3)
    np.save(tmp_path / "few.npy", vectors[:3])
    done = run("compare", tmp_path / "few.npy", tmp_path / "few.npy", "--texts", tmp_path / "few.txt")
    assert done.stdout.decode().splitlines()[-1].startswith("Of so few texts chance keeps more than half")


def test_a_line_that_is_too_long_is_one_line(near: Path, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_bytes(b"a" * (2**26 + 1) + b"\n")
    message = f"'{tmp_path / 'long.txt'}', line 1 has more than 67,108,864 bytes: break it up"
    assert message in refused(1, "compare", near, near, "--texts", tmp_path / "long.txt")


def test_a_word_without_end_names_its_row(artifact: Path, near: Path, texts: Path) -> None:
    with texts.open("a") as file:
        file.write("<=" * 262_144 + "\n")
    np.save(near, np.ones((61, 4), np.float32))
    assert f"'{texts}', line 61" in refused(1, "compare", artifact, near, "--texts", texts)


def test_bad_use_of_compare_is_one_line(artifact: Path, near: Path, texts: Path, tmp_path: Path) -> None:
    assert "no such file: 'nowhere.npy'" in refused(2, "compare", artifact, "nowhere.npy", "--texts", texts)
    (tmp_path / "folder.npy").mkdir()
    assert "is no regular file" in refused(2, "compare", artifact, tmp_path / "folder.npy", "--texts", texts)
    assert "no such file: 'nowhere.txt'" in refused(2, "compare", artifact, near, "--texts", "nowhere.txt")
    assert "--texts is '-', but the texts are read more than once" in refused(
        2, "compare", artifact, near, "--texts", "-"
    )
    assert "the name is empty" in refused(2, "compare", "", near, "--texts", texts)
    assert "--texts" in refused(2, "compare", artifact, near)
    assert "--max-length is 2, expected" in refused(2, "compare", artifact, near, "--texts", texts, "--max-length", "2")


def test_a_damaged_artifact_is_told_before_anything_is_encoded(near: Path, texts: Path, tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "manifest.json").write_text("{")
    assert "manifest.json' cannot be read" in refused(1, "compare", near, tmp_path / "damaged", "--texts", texts)


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra 'export' is installed here")
def test_a_checkpoint_without_the_extra_says_what_to_install(near: Path, texts: Path) -> None:
    line = refused(2, "compare", near, "nowhere", "--texts", texts)
    assert "'nowhere', which is neither an artifact nor a .npy file, needs the extra 'export'" in line
