"""The report's plots as SVG, for light and for dark pages, the same bytes for the same record."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from benchmarks.peers.contenders import PROJECT
from benchmarks.report.samples import MEBIBYTE, Record, median, sound, throughput

Contenders = Mapping[str, Record]
Looks = dict[str, dict[str, Any]]
"""Label, marker and colour of each contender."""

STYLES = {"light": ("#1f2328", "#0969da", "#8c959f"), "dark": ("#e6edf3", "#4493f8", "#7d8590")}
"""Colours of text, of this project and of the others."""

MARKERS = "osv^<>DPXph*dH8"

SIZE = (8.0, 4.5)
"""Inches."""


def write_plots(record: Record, folder: Path) -> None:
    """Write the four plots of `record` into `folder`, each in both styles."""
    folder.mkdir(exist_ok=True)
    contenders = sound(record)
    for style, (text, ours, others) in STYLES.items():
        settings: dict[Any, Any] = {
            "svg.hashsalt": "biobert-onnx",
            "svg.fonttype": "none",
            "font.size": 10,
            **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), text),
        }
        colour = {name: ours if name in PROJECT else others for name in contenders}
        palette = [pyplot.colormaps[name](index) for name in ("Set2", "Dark2") for index in range(8)]
        looks: Looks = {
            name: {"label": name, "marker": marker, "color": ours if name in PROJECT else other}
            for name, marker, other in zip(contenders, MARKERS, palette, strict=False)
        }
        with matplotlib.rc_context(settings):
            _throughput(record, contenders, looks)
            _save(folder, record, "throughput", style)
            _latency(contenders, looks)
            _save(folder, record, "latency", style)
            _bars(_medians(contenders, lambda c: [s["total"] for s in c["cold_starts"]]), colour, "seconds", "{:.2f}")
            _save(folder, record, "cold-start", style)
            _bars(_medians(contenders, lambda c: [c["memory"]["peak"] / MEBIBYTE]), colour, "MiB", "{:.0f}")
            _save(folder, record, "memory", style)


def _throughput(record: Record, contenders: Contenders, looks: Looks) -> None:
    _, axes = pyplot.subplots(figsize=SIZE)
    for name, contender in contenders.items():
        loss = max(1 - contender["fidelity"]["cosine_mean"], 1e-7)
        axes.plot(loss, median(throughput(record, contender)), linestyle="", markersize=9, **looks[name])
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("1 - mean cosine to float32 (more faithful to the right; 1e-7 is rounding)")
    axes.set_ylabel("tokens/s")
    _legend(axes)


def _latency(contenders: Contenders, looks: Looks) -> None:
    _, axes = pyplot.subplots(figsize=SIZE)
    for name, contender in contenders.items():
        points = {int(length): 1000 * median(s) for length, s in contender["latency_seconds"].items()}
        width = 2.5 if name in PROJECT else 1
        axes.plot(list(points), list(points.values()), markersize=5, linewidth=width, **looks[name])
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(list(points), [str(length) for length in points])
    axes.set_xlabel("tokens of the text")
    axes.set_ylabel("milliseconds, median")
    _legend(axes)


def _legend(axes: Any) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)


def _bars(values: Mapping[str, float], colour: Mapping[str, str], unit: str, form: str) -> None:
    _, axes = pyplot.subplots(figsize=SIZE)
    names = sorted(values, key=lambda name: -values[name])
    bars = axes.barh(names, [values[name] for name in names], color=[colour[name] for name in names])
    axes.bar_label(bars, [form.format(values[name]) for name in names], padding=3, fontsize=8)
    axes.margins(x=0.12)
    axes.set_xlabel(unit)


def _medians(contenders: Contenders, samples: Callable[[Record], list[float]]) -> dict[str, float]:
    return {name: median(samples(contender)) for name, contender in contenders.items()}


def _save(folder: Path, record: Record, name: str, style: str) -> None:
    for side in ("top", "right"):
        pyplot.gca().spines[side].set_visible(False)
    path = folder / f"{record['subject']}-{name}-{style}.svg"
    pyplot.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
    pyplot.close()
