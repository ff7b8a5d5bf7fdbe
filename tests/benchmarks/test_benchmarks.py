"""The benchmarks refuse wrong vectors, render what was recorded, and compare cosines with human scores."""

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import judged_pairs, render
from benchmarks.harness.bench import Bench, Record
from benchmarks.harness.correctness import judge
from benchmarks.harness.subjects import Subject
from benchmarks.inputs.corpus import bundled_texts, pubmed_like_texts
from benchmarks.inputs.minilm import minilm_checkpoint
from benchmarks.peers.contenders import CONTENDERS, OURS
from benchmarks.report.looks import LOOKS
from benchmarks.report.pages import FIDELITY_RECORD, SPEED_RECORD
from benchmarks.report.summary import ROWS, summary
from benchmarks.results import read_record, read_records
from biobert_onnx import SentenceEncoder
from biobert_onnx_export import export

PAIRS = """Mutations in BRCA1 raise the risk of cancer.\tMutations in BRCA1 raise the risk of cancer.\t5
Mutations in BRCA1 raise the risk of cancer.\tCancer risk is higher in carriers of BRCA1 mutations.\t4
The drug lowers blood pressure.\tThe drug is taken with food.\t2
The drug lowers blood pressure.\tThe train to the coast was late again.\t0
"""


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 artifacts of MiniLM with mean and with cls pooling, in one folder."""
    folder = tmp_path_factory.mktemp("minilm")
    for pooling in ("mean", "cls"):
        export(minilm_checkpoint(folder), folder / pooling, pooling=pooling, precision="fp32")
    return folder


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")  # one text is longer than MiniLM
@pytest.mark.parametrize(("pooling", "refused"), [("mean", False), ("cls", True)])
def test_a_contender_with_the_wrong_pooling_is_refused_and_not_measured(
    minilm: Path, tmp_path: Path, pooling: str, refused: bool
) -> None:
    texts = bundled_texts()[:20]
    reference = SentenceEncoder(minilm / "mean").encode(texts)
    vectors = SentenceEncoder(minilm / pooling).encode(texts)
    bench = Bench(Subject.prepare("minilm", minilm_checkpoint(tmp_path), tmp_path / "work"), [OURS], threads=1)
    judge(bench.records[OURS], vectors, vectors, reference)
    assert ("refusal" in bench.records[OURS]) == refused
    measured: list[str] = []
    bench.each(lambda name, record: measured.append(name), [OURS], title="speed")
    assert bool(measured) != refused


def test_a_contender_that_fails_is_recorded_with_its_error_and_left_out(tmp_path: Path) -> None:
    subject = Subject.prepare("minilm", minilm_checkpoint(tmp_path), tmp_path / "work")
    with Bench(subject, [OURS], threads=1) as bench:  # it has no artifact: nothing was prepared
        bench.each(lambda name, record: record.update(bench.worker(name).memory()), [OURS], rounds=2, title="memory")
    assert "no artifact folder" in bench.records[OURS]["failure"]


def test_a_text_of_a_given_number_of_tokens_has_that_many(tmp_path: Path) -> None:
    subject = Subject.prepare("minilm", minilm_checkpoint(tmp_path), tmp_path / "work")
    texts = subject.texts_of_length(32, 20, pubmed_like_texts(100))
    assert {len(encoding.ids) for encoding in subject.tokenizer().encode_batch(texts)} == {32}
    assert len(set(texts)) == 20


def test_a_text_that_changes_with_its_batch_is_counted() -> None:
    alone = np.ones((3, 4), dtype=np.float32)
    together = alone.copy()
    together[1, 0] = 0.5
    record: Record = {"precision": "float32"}
    judge(record, together, alone, alone)
    assert record["fidelity"]["changed_by_batch"] == 1


def test_rendering_the_committed_records_again_changes_nothing() -> None:
    page = render.page(read_records("peers"), read_records("threads"))
    assert page == (render.FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_readmes_table_has_five_encoders_and_bold_only_where_the_spread_allows_it() -> None:
    record = read_record(SPEED_RECORD)
    _, _, _, *rows = summary(record, read_record(FIDELITY_RECORD))
    cells = {row.split(" | ")[0].removeprefix("| "): row.split(" | ")[1:] for row in rows}
    assert tuple(cells) == ROWS
    for column in range(3):  # speed, latency, cold start: those with a spread
        bold = [name for name, row in cells.items() if row[column].startswith("**")]
        others = [numbers(row[column]) for name, row in cells.items() if name not in bold]
        assert len(bold) <= 1
        for median, least, greatest in (numbers(cells[name][column]) for name in bold):
            assert not [other for other in others if least <= other[0] <= greatest or other[1] <= median <= other[2]]
    assert cells[OURS][0].startswith("**")


def numbers(cell: str) -> list[float]:
    """The median, the least and the greatest sample of a cell."""
    return [float(number) for number in re.findall(r"[\d.]+", cell)]


def test_every_contender_has_a_colour_and_a_marker_that_no_other_one_has() -> None:
    assert set(LOOKS) == set(CONTENDERS)
    assert len({(look.colour, look.marker) for look in LOOKS.values()}) == len(LOOKS)


def test_every_contender_of_a_committed_record_has_figures_or_a_reason() -> None:
    for record in read_records("peers"):
        assert set(record["contenders"]) == set(CONTENDERS)
        for contender in record["contenders"].values():
            assert {"throughput_seconds", "failure", "refusal"} & contender.keys()


def test_the_corpus_is_of_different_texts_and_the_same_every_time() -> None:
    texts = pubmed_like_texts(500)
    assert len(set(texts)) == 500
    assert texts == pubmed_like_texts(500)
    words = np.percentile([len(text.split()) for text in texts], [10, 50, 90])
    assert (np.abs(words - [10, 20, 36]) <= [3, 4, 6]).all()


def test_judged_pairs_report_the_correlation_with_human_scores(minilm: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(PAIRS, encoding="utf-8")
    pairs = judged_pairs.read_pairs(tmp_path / "pairs.tsv")
    pearson, spearman = judged_pairs.correlations(SentenceEncoder(minilm / "mean"), pairs)
    assert pearson > 0.9
    assert spearman == pytest.approx(1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\n", "line 1 is"),
        ("a\tb\t1\na\tb\thigh\n", "line 2 is"),
        ("a\tb\t1\n", "has 1 pairs, expected at"),
    ],
)
def test_a_file_of_another_form_is_refused_by_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "pairs.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        judged_pairs.read_pairs(tmp_path / "pairs.tsv")
