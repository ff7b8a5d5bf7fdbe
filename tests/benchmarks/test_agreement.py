"""Contenders are compared with float32 on any texts, and the report says what each keeps, or why it has no figure."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import render
from benchmarks.harness.agreement import agreement, record_agreement
from benchmarks.harness.bench import ALL_ENTRIES, Bench, Record
from benchmarks.harness.prepare import prepare_all
from benchmarks.harness.subjects import Subject
from benchmarks.harness.worker import WorkerError, contender_folder
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.user_texts import read_texts
from benchmarks.peers.contender import Contender, prepare_nothing
from benchmarks.peers.contenders import CTRANSLATE2_INT8, OURS, OURS_ONNXRUNTIME, REFERENCE, USUAL_INT8
from benchmarks.peers.ours import load_ours
from benchmarks.report.agreement import agreement_table, printed_agreement
from benchmarks.report.better_peers import better_peers
from benchmarks.report.tables import throughput_table
from benchmarks.results import read_records
from biobert_onnx._types import FloatArray

FIGURES = {"cosine_mean", "cosine_p1", "cosine_min", "centred_mean", "centred_min"}
FIGURES |= {"neighbours_kept", "rank_correlation"}


def vectors_of_60_texts(*, noise: float = 0.0) -> FloatArray:
    """Vectors that share one large direction, as BioBERT's do; `noise` moves them."""
    chance = np.random.default_rng(1)
    vectors = chance.standard_normal((60, 32)) + 20
    return (vectors + noise * chance.standard_normal(vectors.shape)).astype(np.float32)


def noisy(noise: float) -> Record:
    return agreement(vectors_of_60_texts(noise=noise), vectors_of_60_texts())


def record_with_agreement() -> Record:
    """A committed record as if its contenders had been compared: this project's int8 a little, others more noisy."""
    record = dict(read_records("peers")[0])
    noises = {OURS: 0.1, CTRANSLATE2_INT8: 0.05, USUAL_INT8: 0.5}
    record["contenders"] = {
        name: {**contender, "agreement": noisy(noises.get(name, 0.0))}
        for name, contender in record["contenders"].items()
    }
    return record


def test_the_same_vectors_agree_wholly() -> None:
    found = noisy(0.0)
    assert found.pop("texts") == 60
    assert set(found) == FIGURES
    assert list(found.values()) == pytest.approx([1.0] * len(FIGURES))


def test_high_cosines_do_not_hide_that_neighbours_are_lost() -> None:
    found = noisy(0.5)
    assert found["cosine_min"] > 0.999
    assert found["centred_min"] < found["centred_mean"] < 0.95
    assert found["neighbours_kept"] < 0.9
    assert found["rank_correlation"] < 0.95


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.full((60, 32), np.nan, np.float32), "NaN or infinity"),
        (np.ones((59, 32), np.float32), r"shape \(59, 32\), expected \(60, 32\)"),
        (np.ones((60, 16), np.float32), r"shape \(60, 16\), expected \(60, 32\)"),
    ],
)
def test_vectors_of_no_use_fail_with_a_reason(vectors: FloatArray, message: str) -> None:
    with pytest.raises(WorkerError, match=message):
        agreement(vectors, vectors_of_60_texts())


def test_a_contender_that_fails_does_not_stop_the_others(
    tiny_checkpoint: Path, artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_KERNEL", "no-such-kernel")
    subject = Subject.prepare("tiny", tiny_checkpoint, tmp_path / "work")
    contender_folder(subject, OURS).mkdir()
    (contender_folder(subject, OURS) / "artifact").symlink_to(artifact)
    with Bench(subject, [REFERENCE, OURS, OURS_ONNXRUNTIME], threads=1) as bench:
        record_agreement(bench, pubmed_like_texts(30), list(bench.records))
    assert "kernels" in bench.records[OURS]["failure"]
    assert "agreement" not in bench.records[OURS]
    assert bench.records[REFERENCE]["agreement"]["neighbours_kept"] > 0.99
    assert 0.5 < bench.records[OURS_ONNXRUNTIME]["agreement"]["neighbours_kept"] < 1


def test_without_the_reference_nothing_is_compared(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").symlink_to(tiny_checkpoint)
    subject = Subject.prepare("tiny", tmp_path / "checkpoint", tmp_path / "work")
    (tmp_path / "checkpoint").unlink()
    with Bench(subject, [REFERENCE], threads=1) as bench, pytest.raises(ValueError, match="the reference failed: "):
        record_agreement(bench, pubmed_like_texts(3), [REFERENCE])


def test_a_contender_whose_package_is_missing_fails_by_its_name(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Contender(
        precision="int8", installs=("no-such-package",), imports=(), prepare=prepare_nothing, load=load_ours("kernels")
    )
    monkeypatch.setitem(ALL_ENTRIES, "absent", absent)
    bench = Bench(Subject.prepare("tiny", tiny_checkpoint, tmp_path / "work"), ["absent", REFERENCE], threads=1)
    prepare_all(bench)
    expected = "the package no-such-package is not installed: the extra 'benchmark' has it"
    assert bench.records["absent"]["failure"] == expected
    assert "failure" not in bench.records[REFERENCE]


def test_a_file_of_texts_is_read_without_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_bytes("\ufeffone\r\n\n  two \u2028 halves\nthree\n \n".encode())
    assert read_texts(tmp_path / "texts.txt") == ["one", "two \u2028 halves", "three"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 texts, expected at least 3"),
        (b"one\ntwo\n\n", "has 2 texts, expected at least 3"),
        ("one\ntwo\nna\xefve\n".encode("latin-1"), "is not UTF-8 at byte 10"),
    ],
)
def test_a_file_that_holds_no_texts_to_compare_is_refused_by_its_name(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "texts.txt").write_bytes(content)
    with pytest.raises(ValueError, match=rf"texts\.txt' {message}"):
        read_texts(tmp_path / "texts.txt")


def test_the_report_shows_neighbours_beside_speed() -> None:
    record = record_with_agreement()
    table = list(throughput_table(record))
    kept = {row.split(" | ")[0].lstrip("\n| "): row.split(" | ")[-1].removesuffix(" |") for row in table}
    assert kept["Throughput, 2 threads"] == "neighbours kept"
    assert kept[OURS] == f"{100 * noisy(0.1)['neighbours_kept']:.1f} %"
    assert kept[REFERENCE] == "100.0 %"
    assert "before they were measured" not in "".join(table)
    assert f"{record['corpus']['texts']} texts of the corpus" in next(agreement_table(record))
    assert "all-MiniLM-L6-v2-neighbours-light.svg" in "\n".join(render.report(record))


def test_a_record_from_before_neighbours_were_measured_has_dashes_and_the_reason() -> None:
    record = record_with_agreement()
    for contender in record["contenders"].values():
        del contender["agreement"]
    table = list(throughput_table(record))
    assert next(row for row in table if row.startswith(f"| {OURS} ")).endswith("| - |")
    assert "\nNeighbours kept are missing (-): this record was made before they were measured." in table
    assert list(agreement_table(record)) == []
    assert "neighbours-light" not in "\n".join(render.report(record))


def test_an_int8_that_keeps_more_neighbours_is_named_among_the_better_ones() -> None:
    line = next(line for line in better_peers(record_with_agreement()) if line.startswith("- neighbours lost"))
    assert CTRANSLATE2_INT8 in line
    assert USUAL_INT8 not in line
    assert REFERENCE not in line


def test_the_printed_table_has_a_row_for_a_failed_contender_and_its_reason() -> None:
    record = record_with_agreement()
    record["contenders"][USUAL_INT8] = {"precision": "int8", "failure": "no memory"}
    lines = list(printed_agreement(record, source="'mine.txt'"))
    assert lines[0].startswith("Agreement with PyTorch float32: all-MiniLM-L6-v2, 1000 texts of 'mine.txt'")
    row, reason = [line for line in lines if USUAL_INT8 in line]
    assert row.split()[-2:] == ["int8", "failed"]
    assert reason == f"\n{USUAL_INT8} failed: no memory"
    assert "10 neighbours kept" in lines[1]
