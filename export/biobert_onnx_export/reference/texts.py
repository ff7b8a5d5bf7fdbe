"""The texts that calibration sees and the texts that fidelity is measured on; never the same ones."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

SHORT_TEXTS = ("", "a", "No.", "1", "+", "DNA", "p53", "5 mg", "Pain?", "IL-6", "α", "(n = 3)", "e.g.")
"""Always calibrated on: without the empty text and very short ones, "" fell to a cosine of 0.84."""

LEAST_LINES = 20
"""A calibration file with fewer texts tells nothing about the worst ones."""


@dataclass(frozen=True, kw_only=True)
class TextSets:
    """`calibration` decides the scales; every set of `reports`, by name, is measured, the gated one under "report"."""

    source: str
    calibration: tuple[str, ...]
    reports: dict[str, tuple[str, ...]]

    @classmethod
    def read(cls, calibration: Path | None) -> Self:
        """The bundled texts; with a `calibration` file its odd lines calibrate and its even lines are the report.

        Raises ValueError if the file cannot be read as UTF-8 or has fewer than 20 lines that are not blank.
        """
        bundled = _bundled("biomedical.txt")
        general = _bundled("general.txt")
        if calibration is None:
            source, lines = "bundled", bundled
            reports = {"report": bundled[1::2], "general": general}
        else:
            source, lines = calibration.name, _lines(calibration)
            reports = {"report": lines[1::2], "bundled": bundled[1::2], "general": general}
        return cls(source=source, calibration=SHORT_TEXTS + lines[::2], reports=reports)


def _bundled(name: str) -> tuple[str, ...]:
    text = files("biobert_onnx_export.reference").joinpath("data", name).read_text(encoding="utf-8")
    return tuple(text.splitlines())


def _lines(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the calibration file '{path}' cannot be read as UTF-8 text ({error})") from error
    lines = tuple(line for line in text.split("\n") if line.strip())
    if len(lines) < LEAST_LINES:
        raise ValueError(f"'{path}' has {len(lines)} texts, expected at least {LEAST_LINES}, one a line")
    return lines
