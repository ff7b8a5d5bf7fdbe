"""The texts that an export calibrates on and the texts that it holds out to measure fidelity; no text is in both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

from tokenizers import Tokenizer

from biobert_onnx._types import TokenIds

SHORT_TEXTS = ("", "a", "No.", "1", "+", "DNA", "p53", "5 mg", "Pain?", "IL-6", "α", "(n = 3)", "e.g.")
"""Always part of calibration: without the empty text and very short ones, "" fell to a cosine of 0.84."""

LONG_TEXT = "A gene of the tumour was found in most of the patients. " * 1000
"""A text of more tokens than any checkpoint's limit: its ids show where it is cut."""

MIN_LINES = 20
"""The fewest texts in a calibration file: fewer say nothing about the worst ones."""

MOST_TOKENS = 65_536
"""The most tokens of a file to calibrate on, about 2,000 PubMed sentences: their numbers stay in memory meanwhile."""

SAMPLES = 16
"""Calibration texts that stand for all of them where measuring all would take too long."""

GATED = "gated"
"""The name of the held-out set whose figures the gate compares with `min_cosine` and `min_neighbours`."""


@dataclass(frozen=True, kw_only=True)
class TextSets:
    """Texts to calibrate on, and the sets of texts that are held out, by name; the gate looks at the set "gated".

    `source` is "bundled" or the name of the calibration file. `biomedical`: the bundled biomedical texts, all of them.
    """

    source: str
    biomedical: tuple[str, ...]
    calibration: tuple[str, ...]
    held_out: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, calibration: Path | None) -> Self:
        """Read the bundled texts; the odd lines of a `calibration` file calibrate, and its even lines are gated.

        Raises ValueError if the file is not UTF-8 or has fewer than 20 lines that are not blank.
        """
        bundled, general = _bundled("biomedical.txt"), _bundled("general.txt")
        if calibration is None:
            source, lines = "bundled", bundled
            held_out = {GATED: bundled[1::2], "general": general}
        else:
            source, lines = calibration.name, _lines(calibration)
            held_out = {GATED: lines[1::2], "bundled": bundled[1::2], "general": general}
        return cls(source=source, biomedical=bundled, calibration=SHORT_TEXTS + lines[::2], held_out=held_out)

    def tokenize(self, tokenizer: Tokenizer, *, max_length: int, prompt: str = "") -> "TokenSets":
        """Return the token ids of every text with `prompt` before it, cut to `max_length` tokens."""
        tokenizer.enable_truncation(max_length)
        short, lines = self.calibration[: len(SHORT_TEXTS)], self.calibration[len(SHORT_TEXTS) :]
        calibration = [*_token_ids(tokenizer, short, prompt), *even_share(_token_ids(tokenizer, lines, prompt))]
        return TokenSets(
            calibration=calibration,
            samples=calibration[:: max(1, len(calibration) // SAMPLES)],
            held_out={name: _token_ids(tokenizer, texts, prompt) for name, texts in self.held_out.items()},
            long_text=_token_ids(tokenizer, [LONG_TEXT], prompt)[0],
        )


@dataclass(frozen=True, kw_only=True)
class TokenSets:
    """The token ids of a `TextSets`; `samples` are about 16 of the calibration texts, evenly spread.

    `calibration` has all short texts, and an even share of the others if they have more than MOST_TOKENS tokens.

    `long_text` are the ids of LONG_TEXT.
    """

    calibration: TokenIds
    samples: TokenIds
    held_out: Mapping[str, TokenIds]
    long_text: Sequence[int]


def even_share(token_ids: TokenIds) -> TokenIds:
    """Return all texts, or every second, third ... of them, until they fit into MOST_TOKENS; at least the first one.

    >>> len(even_share([[101, *[7] * 98, 102]] * 1000))
    500
    """
    step = 1
    while step < len(token_ids) and sum(map(len, token_ids[::step])) > MOST_TOKENS:
        step += 1
    return token_ids[::step]


def _token_ids(tokenizer: Tokenizer, texts: Sequence[str], prompt: str) -> TokenIds:
    return [encoding.ids for encoding in tokenizer.encode_batch_fast([prompt + text for text in texts])]


def _bundled(name: str) -> tuple[str, ...]:
    text = files("biobert_onnx_export.reference").joinpath("data", name).read_text(encoding="utf-8")
    return tuple(text.splitlines())


def _lines(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(
            f"the calibration file '{path}' cannot be read as UTF-8 text ({reason}): name another, or convert it"
        ) from error
    lines = tuple(line for line in text.split("\n") if line.strip())
    if len(lines) < MIN_LINES:
        raise ValueError(f"'{path}' has {len(lines)} texts, expected at least {MIN_LINES}, one a line")
    return lines
