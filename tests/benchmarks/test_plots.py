"""The committed plots are those of the committed records, and say what they show."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import render
from benchmarks.report.captions import headline, machine
from benchmarks.report.samples import measured_contenders

PLOTS = sorted((render.FOLDER / "plots").glob("*.svg"))


def texts(path: Path) -> str:
    """All text in a picture."""
    root = ElementTree.parse(path).getroot()
    return "\n".join("".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text"))


def test_each_record_has_four_plots_in_two_styles() -> None:
    names = [record["subject"] for record in render.read_records()]
    expected = {f"{name}-{plot}-{style}.svg" for name in names for plot in render.PLOTS for style in ("light", "dark")}
    assert {path.name for path in PLOTS} == expected


@pytest.mark.parametrize("path", PLOTS, ids=lambda path: str(path.stem))
def test_a_plot_names_its_subject_its_machine_and_every_contender(path: Path) -> None:
    records = {record["subject"]: record for record in render.read_records()}
    record = next(record for subject, record in records.items() if path.name.startswith(f"{subject}-"))
    shown = texts(path)
    assert headline(record) in shown
    assert machine(record) in shown
    assert [name for name in measured_contenders(record) if name not in shown] == []


def test_drawing_the_committed_records_again_gives_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="only the extra 'benchmark' installs matplotlib")
    from benchmarks.report.plots import write_plots

    for record in render.read_records():
        write_plots(record, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in PLOTS
    }
