"""The report's plots as SVG, for light and for dark pages, the same bytes for the same record.

Marks and bars are medians; error bars go from the least to the greatest sample.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from benchmarks.peers.bounds import PRODUCTS
from benchmarks.peers.contenders import PROJECT
from benchmarks.report.agreement import has_agreement
from benchmarks.report.captions import SUBJECT_NOTES, headline, machine
from benchmarks.report.cpu_sweep import names_with_figures, sweep_name
from benchmarks.report.looks import LOOKS, STAR
from benchmarks.report.samples import MEBIBYTE, Record, measured_contenders, median, start_seconds, throughput

Contenders = Mapping[str, Record]

TEXT_COLOURS = {"light": "#1f2328", "dark": "#e6edf3"}
"""The colour of text and axes on a light and on a dark page, which are GitHub's."""

SIZE = (9.5, 5.0)
"""Inches."""

PLOT_BOTTOM, PLOT_TOP = 0.12, 0.81
LEGEND_LEFT, LABELS_RIGHT = 0.72, 0.3
"""Where the axes begin and end, as shares of the picture: beside a legend, and beside the names of bars."""

LATENCY_TICKS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)

KEPT_TICKS = (50, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.8)
"""Percent of neighbours kept that the axis names."""

ROUNDING_LOSS = 1e-6
"""A mean cosine closer to 1 differs from the reference only by rounding in float32."""

ROUNDING_LOST_PERCENT = 0.1
"""Fewer lost neighbours come from rounding in float32: similarities that are nearly equal change places."""

SAMPLES_WORDS = "median, least and greatest sample"


def write_plots(record: Record, folder: Path) -> None:
    """Write the plots of `record` into `folder`, each in both styles; that of neighbours if the record has them."""
    folder.mkdir(exist_ok=True)
    contenders = measured_contenders(record)
    for style, colour in TEXT_COLOURS.items():
        with matplotlib.rc_context(_settings(colour)):
            _throughput(record, contenders)
            _save(folder, record, "throughput", style)
            if has_agreement(record):
                _neighbours(record, contenders)
                _save(folder, record, "neighbours", style)
            _latency(record, contenders)
            _save(folder, record, "latency", style)
            _bars(
                record, _cold_starts(contenders), "from the start of a process to its first vector, seconds", "{:.2f}"
            )
            _save(folder, record, "cold-start", style)
            _bars(record, _peaks(contenders), "resident memory of one process at its peak, MiB", "{:.0f}")
            _save(folder, record, "memory", style)


def write_sweep_plot(record: Record, folder: Path) -> None:
    """Write the plot of a record of `benchmarks.threads` into `folder`, in both styles."""
    folder.mkdir(exist_ok=True)
    for style, colour in TEXT_COLOURS.items():
        with matplotlib.rc_context(_settings(colour)):
            _cpus(record)
            _save_as(folder / f"{sweep_name(record)}-threads-{style}.svg")


def _settings(colour: str) -> dict[Any, Any]:
    coloured = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    return {
        "svg.hashsalt": "biobert-onnx",
        "svg.fonttype": "none",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        **dict.fromkeys(coloured, colour),
    }


def _throughput(record: Record, contenders: Contenders) -> None:
    """Draw tokens a second against the loss of cosine; contenders that only round have places of their own."""
    losses = {name: 1 - contender["fidelity"]["cosine_mean"] for name, contender in contenders.items()}
    lossy = _rates_by_loss(record, contenders, losses, exact_below=ROUNDING_LOSS)
    lossy.set_xscale("log")
    lossy.set_xlabel("1 - mean cosine to PyTorch float32: more faithful to the right")
    _title(lossy.figure, record, "throughput against fidelity")


def _neighbours(record: Record, contenders: Contenders) -> None:
    """Draw tokens a second against the neighbours kept, on a scale by those lost.

    Contenders that lose none have places of their own.
    """
    lost = {name: 100 * (1 - contender["agreement"]["neighbours_kept"]) for name, contender in contenders.items()}
    lossy = _rates_by_loss(record, contenders, lost, exact_below=ROUNDING_LOST_PERCENT)
    lossy.set_xscale("log")
    most, least = lossy.get_xlim()
    kept = [percent for percent in KEPT_TICKS if least <= 100 - percent <= most]
    lossy.set_xticks([100 - percent for percent in kept], [f"{percent:g}" for percent in kept])
    lossy.minorticks_off()
    lossy.set_xlabel("nearest neighbours kept, %: more to the right")
    _title(lossy.figure, record, "throughput against neighbours kept")


def _rates_by_loss(record: Record, contenders: Contenders, losses: Mapping[str, float], *, exact_below: float) -> Any:
    """Draw tokens a second against `losses`, greatest on the left, and return the axes of those above `exact_below`.

    The others have places of their own beside them.
    """
    figure, (lossy, exact) = pyplot.subplots(1, 2, figsize=SIZE, sharey=True, width_ratios=(3, 1))
    rounding = [name for name, loss in losses.items() if loss < exact_below]
    for name, contender in contenders.items():
        rates = throughput(record, contender)
        if name in rounding:
            _mark(exact, name, rounding.index(name), rates)
        else:
            _mark(lossy, name, losses[name], rates)
    lossy.invert_xaxis()
    lossy.set_ylim(bottom=0)
    lossy.set_ylabel(f"tokens/s: {SAMPLES_WORDS}")
    exact.set_xlim(-1, max(1, len(rounding)))
    exact.set_xticks([])
    exact.set_xlabel("float32: loss is\nonly rounding", labelpad=12)
    exact.spines["left"].set_linestyle(":")
    exact.tick_params(left=False)
    _legend(figure, contenders, lines=False)
    return lossy


def _mark(axes: Any, name: str, place: float, samples: Sequence[float]) -> None:
    look, size = LOOKS[name], 9 if name in PROJECT else 6
    axes.errorbar(
        [place],
        [median(samples)],
        yerr=_error_bars([samples]),
        color=look.colour,
        marker=look.marker,
        markersize=1.4 * size if look.marker == STAR else size,
        linestyle="",
        elinewidth=1,
        capsize=2,
    )


def _latency(record: Record, contenders: Contenders) -> None:
    """Draw milliseconds by the tokens of a text on all threads, int8 on the left, other precisions on the right."""
    figure, panels = pyplot.subplots(1, 2, figsize=SIZE, sharey=True)
    groups = ("int8", "float32, bfloat16, CPU's default")
    for axes, group, is_int8 in zip(panels, groups, (True, False), strict=True):
        names = [name for name, contender in contenders.items() if (contender["precision"] == "int8") == is_int8]
        for index, name in enumerate(names):
            _line(axes, name, _latency_ms(record, contenders[name]), shift=1 + 0.03 * (index - len(names) / 2))
        lengths = [str(length) for length in _latency_ms(record, contenders[names[0]])] if names else []
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks([int(length) for length in lengths], lengths)
        axes.set_title(group, fontsize=9, loc="left")
        axes.set_xlabel("tokens of the text")
    samples = [found for contender in contenders.values() for found in _latency_ms(record, contender).values()]
    least, greatest = min(map(min, samples)), max(map(max, samples))
    ticks = [tick for tick in LATENCY_TICKS_MS if least <= tick <= greatest]
    panels[0].set_yticks(ticks, [str(tick) for tick in ticks])
    panels[0].set_ylim(0.9 * least, 1.1 * greatest)
    panels[0].minorticks_off()
    panels[0].set_ylabel(f"ms: {SAMPLES_WORDS}")
    _legend(figure, contenders, lines=True)
    _title(figure, record, "latency of one text alone")


def _latency_ms(record: Record, contender: Record) -> dict[int, list[float]]:
    by_length = contender["latency_seconds"][str(record["threads"])]
    return {int(length): [1000 * seconds for seconds in found] for length, found in by_length.items()}


def _line(axes: Any, name: str, samples: Mapping[int, Sequence[float]], *, shift: float = 1) -> None:
    """Draw one contender; `shift` moves its marks to the side by this factor, so that error bars stay apart."""
    look = LOOKS[name]
    axes.errorbar(
        [shift * place for place in samples],
        [median(found) for found in samples.values()],
        yerr=_error_bars(list(samples.values())),
        color=look.colour,
        marker=look.marker,
        markersize=7 if look.marker == STAR else 4,
        linestyle=look.line,
        linewidth=_line_width(name),
        elinewidth=0.7,
        zorder=3 if name in PROJECT else 2,
    )


def _cpus(record: Record) -> None:
    """Draw tokens a second by the number of CPUs; a straight line upward gains as much as CPUs are added."""
    figure, axes = pyplot.subplots(figsize=SIZE)
    columns = record["by_cpus"]
    names = [name for name in names_with_figures(record) if name != PRODUCTS]
    for name in names:
        _line(axes, name, {int(count): throughput(record, found[name]) for count, found in columns.items()})
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks([int(count) for count in columns], list(columns))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.minorticks_off()
    axes.set_xlabel("CPUs, and as many threads")
    axes.set_ylabel(f"tokens/s: {SAMPLES_WORDS}")
    _legend(figure, names, lines=True)
    _title(figure, record, "throughput by the number of CPUs")


def _error_bars(samples: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the distances from the medians down to the least and up to the greatest samples."""
    below = [median(found) - min(found) for found in samples]
    return [below, [max(found) - median(found) for found in samples]]


def _bars(record: Record, samples: Mapping[str, Sequence[float]], title: str, form: str) -> None:
    figure, axes = pyplot.subplots(figsize=SIZE)
    figure.subplots_adjust(left=LABELS_RIGHT, right=0.97, bottom=PLOT_BOTTOM, top=PLOT_TOP)
    names = sorted(samples, key=lambda name: -median(samples[name]))
    medians = [median(samples[name]) for name in names]
    has_spread = any(len(samples[name]) > 1 for name in names)
    axes.barh(
        names,
        medians,
        color=[LOOKS[name].colour for name in names],
        xerr=_error_bars([samples[name] for name in names]) if has_spread else None,
        error_kw={"ecolor": pyplot.rcParams["text.color"], "elinewidth": 1, "capsize": 2},
    )
    for name in names:
        place = (max(samples[name]), name)
        axes.annotate(
            form.format(median(samples[name])), place, (6, 0), textcoords="offset points", va="center", fontsize=8
        )
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in PROJECT else "normal")
    axes.margins(x=0.1)
    axes.set_xlabel(SAMPLES_WORDS if has_spread else "one process each")
    _title(figure, record, title)


def _cold_starts(contenders: Contenders) -> dict[str, list[float]]:
    return _samples(contenders, start_seconds)


def _peaks(contenders: Contenders) -> dict[str, list[float]]:
    return _samples(contenders, lambda contender: [contender["memory"]["peak"] / MEBIBYTE])


def _samples(contenders: Contenders, choose: Callable[[Record], list[float]]) -> dict[str, list[float]]:
    return {name: choose(contender) for name, contender in contenders.items()}


def _legend(figure: Any, contenders: Iterable[str], *, lines: bool) -> None:
    """Draw one legend for all panels, on the right, in the order of LOOKS."""
    shown = set(contenders)
    names = [name for name in LOOKS if name in shown]
    handles = [_legend_handle(name, lines=lines) for name in names]
    figure.subplots_adjust(left=0.08, right=LEGEND_LEFT, bottom=PLOT_BOTTOM, top=PLOT_TOP, wspace=0.08)
    figure.legend(
        handles, names, loc="center left", bbox_to_anchor=(LEGEND_LEFT, 0.5), frameon=False, fontsize=8, handlelength=3
    )


def _legend_handle(name: str, *, lines: bool) -> Line2D:
    look = LOOKS[name]
    style: dict[str, Any] = {
        "color": look.colour,
        "marker": look.marker,
        "markersize": 9 if look.marker == STAR else 6,
        "linestyle": look.line if lines else "",
        "linewidth": _line_width(name),
    }
    return Line2D([], [], **style)


def _line_width(name: str) -> float:
    return 2.2 if name in PROJECT else 1.1


def _title(figure: Any, record: Record, title: str) -> None:
    """Write the title, what the subject is, and the machine with its threads above the axes."""
    figure.text(0.01, 0.98, f"{headline(record)}: {title}", ha="left", va="top", fontsize=11, fontweight="bold")
    lines = [SUBJECT_NOTES.get(record["subject"], ""), machine(record)]
    figure.text(0.01, 0.935, "\n".join(filter(None, lines)), ha="left", va="top", fontsize=8, linespacing=1.4)


def _save(folder: Path, record: Record, name: str, style: str) -> None:
    _save_as(folder / f"{record['subject']}-{name}-{style}.svg")


def _save_as(path: Path) -> None:
    pyplot.savefig(path, transparent=True, metadata={"Date": None})
    pyplot.close()
