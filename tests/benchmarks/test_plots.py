"""The committed plots are those of the committed records, and say what they show."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import render
from benchmarks.peers.bounds import PRODUCTS
from benchmarks.report.captions import headline, machine
from benchmarks.report.cpu_sweep import names_with_figures, sweep_name
from benchmarks.report.samples import Record, measured_contenders
from benchmarks.results import read_records

PLOTS = sorted((render.FOLDER / "plots").glob("*.svg"))


def texts(path: Path) -> str:
    """All text in a picture."""
    root = ElementTree.parse(path).getroot()
    return "\n".join("".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text"))


def test_each_record_has_its_plots_in_two_styles() -> None:
    plots = [f"{record['subject']}-{plot}" for record in read_records("peers") for plot in render.plots_of(record)]
    plots += [f"{sweep_name(record)}-threads" for record in read_records("threads")]
    assert {path.name for path in PLOTS} == {f"{plot}-{style}.svg" for plot in plots for style in ("light", "dark")}


@pytest.mark.parametrize("path", PLOTS, ids=lambda path: str(path.stem))
def test_a_plot_names_its_subject_its_machine_and_every_contender(path: Path) -> None:
    record, names = shown_by(path)
    shown = texts(path)
    assert headline(record) in shown
    assert machine(record) in shown
    assert [name for name in names if name not in shown] == []


def shown_by(path: Path) -> tuple[Record, list[str]]:
    """The record that a plot is of, and the contenders that it shows."""
    for sweep in read_records("threads"):
        if path.name.startswith(f"{sweep_name(sweep)}-threads-"):
            return sweep, [name for name in names_with_figures(sweep) if name != PRODUCTS]
    records = read_records("peers")
    record = next(record for record in records if path.name.startswith(f"{record['subject']}-"))
    return record, list(measured_contenders(record))


def test_drawing_the_committed_records_again_gives_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="only the extra 'benchmark' installs matplotlib")
    from benchmarks.report.plots import write_plots, write_sweep_plot

    for record in read_records("peers"):
        write_plots(record, tmp_path)
    for record in read_records("threads"):
        write_sweep_plot(record, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in PLOTS
    }


def test_a_record_with_neighbours_has_a_plot_of_them_that_names_every_contender(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="only the extra 'benchmark' installs matplotlib")
    from benchmarks.report.plots import write_plots

    record = record_with_neighbours()
    write_plots(record, tmp_path)
    for style in ("light", "dark"):
        shown = texts(tmp_path / f"{record['subject']}-neighbours-{style}.svg")
        assert "nearest neighbours kept" in shown
        assert [name for name in measured_contenders(record) if name not in shown] == []


def record_with_neighbours() -> Record:
    """A committed record whose int8 contenders keep 90 % of the neighbours, and the others all."""
    record = dict(read_records("peers")[0])
    record["contenders"] = {
        name: {**contender, "agreement": {"neighbours_kept": 0.9 if contender["precision"] == "int8" else 1.0}}
        for name, contender in record["contenders"].items()
    }
    return record
