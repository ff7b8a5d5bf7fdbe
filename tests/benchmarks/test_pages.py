"""The figures in README and docs are those of the committed records, in tables and in sentences."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers.contenders import OURS, OURS_ONNXRUNTIME, PROJECT, REFERENCE, USUAL_INT8
from benchmarks.report.pages import DOCS, FIDELITY_RECORD, README, SPEED_RECORD, filled_pages
from benchmarks.report.places import filled
from benchmarks.report.samples import GIGA, MEGA, measured_contenders, median, start_seconds
from benchmarks.results import read_record
from benchmarks.sentences import f1

PAGE = "before\n<!-- benchmarks.render: a place -->\nold\n<!-- end -->\nafter\n"


def test_rendering_the_committed_records_again_changes_no_page() -> None:
    pages = filled_pages()
    assert len(pages) > 5
    assert {path: path.read_text(encoding="utf-8") for path in pages} == pages


def test_what_a_place_held_is_replaced() -> None:
    new = "before\n<!-- benchmarks.render: a place -->\n\nnew\n\n<!-- end -->\nafter\n"
    assert filled(PAGE, "a place", ["new"]) == filled(new, "a place", ["\nnew", ""]) == new


@pytest.mark.parametrize(("page", "places"), [("no place\n", 0), (2 * PAGE, 2)])
def test_a_page_without_one_place_is_refused(page: str, places: int) -> None:
    with pytest.raises(ValueError, match=f"has {places} places 'a place', expected one"):
        filled(page, "a place", ["new"])


def figures_in_sentences() -> Iterator[tuple[Path, str]]:
    """What a page says in a sentence, made from the records."""
    speed = read_record(SPEED_RECORD)
    seconds = {name: median(found["throughput_seconds"]) for name, found in measured_contenders(speed).items()}
    others = min(found for name, found in seconds.items() if name not in PROJECT)
    starts = {name: median(start_seconds(speed["contenders"][name])) for name in (OURS, REFERENCE)}
    yield README, f"{seconds[REFERENCE] / seconds[OURS]:.1f} times as many sentences a second as PyTorch"
    yield README, f"{others / seconds[OURS]:.1f} times as many as the next engine"
    yield README, f"{starts[OURS]:.2f} s from the start of a process to its first vector"
    yield README, f"PyTorch takes {starts[REFERENCE]:.1f} s"

    trained = read_record(FIDELITY_RECORD)["contenders"]
    changed, texts = trained[REFERENCE]["fidelity"]["changed_by_batch"], trained[OURS]["fidelity"]["texts"]
    assert trained[OURS]["fidelity"]["changed_by_batch"] == 0
    yield README, f"the mean cosine is {trained[OURS]['fidelity']['cosine_mean']:.3f}"
    yield README, f"Of {texts} texts, none got other bits in another batch; with PyTorch, {changed} did."
    yield README, f"takes about {trained[OURS]['export_seconds'] / 60:.0f} minutes on 2 CPUs"
    yield README, f"writes about {round(trained[OURS]['artifact_bytes'] / MEGA, -1):.0f} MB"
    yield DOCS / "fidelity.md", f"| {trained[USUAL_INT8]['fidelity']['cosine_mean']:.2f}: it is worse than foretold |"
    engines = [trained[OURS], trained[OURS_ONNXRUNTIME]]
    least, most = sorted(100 * engine["agreement"]["neighbours_kept"] for engine in engines)
    yield DOCS / "fidelity.md", f"| {least:.0f} to {most:.0f} % of the 10 nearest are kept |"
    assert all(engine["fidelity"]["cosine_min"] > 0.995 for engine in engines)
    yield DOCS / "fidelity.md", "| above 0.995, on both engines |"

    sizes = read_record("sizes/extras")["bytes"]
    yield README, f"{sizes[''] / MEGA:.0f} MB in all"
    yield README, f"{sizes['export'] / GIGA:.1f} GB in all"
    yield README, f"({sizes['demo'] / GIGA:.1f} GB with the CPU build of torch)"
    yield README, f"`make test` runs the tests ({sizes['test'] / GIGA:.1f} GB"

    found = f"F1 {f1(read_record('sentences/rules')['rules']['biomedical']):.3f}"
    yield DOCS / "spark.md", found
    yield DOCS / "coming-from.md", found


def test_the_figures_in_sentences_are_those_of_the_records() -> None:
    words = {page: " ".join(page.read_text(encoding="utf-8").split()) for page, _ in figures_in_sentences()}
    assert [sentence for page, sentence in figures_in_sentences() if sentence not in words[page]] == []
