"""What commands say: messages on stderr, an artifact's figures on stdout."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from biobert_onnx._atomic_files import leftovers
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.cli.options import with_options

MEBIBYTE = 2**20
KILOBYTE = 1000


def say(kind: str, message: object) -> None:
    """Write one line to stderr, the library's arguments in it named as options.

    Other control characters than white space, which a file's name may hold, are written as escapes.
    """
    line = _printable(with_options(" ".join(str(message).split())))
    with suppress(OSError):  # a terminal that was closed
        sys.stderr.write(f"biobert-onnx: {kind}: {line}\n")


def _printable(line: str) -> str:
    r"""Return `line` with an escape for each character that a terminal may take for a command.

    >>> _printable("no folder '\x1b[31mred'")
    "no folder '\\x1b[31mred'"
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def warn_of_leftovers(path: Path) -> None:
    """Warn of what killed runs have left beside the output `path`."""
    found = leftovers(path)
    if found:
        names = ", ".join(f"'{left}'" for left in found)
        say("warning", f"{names}: left by a run that was killed; nothing uses it, so it can be removed (rm -r)")


def tell_missing(rows: int, first: str | None, choice: str) -> None:
    """Say how many `rows` were without a text, if any, the place of the `first`, and what `choice` did with them."""
    if rows:
        done = "left out" if choice == "skip" else "encoded as the empty text"
        say("note", f"{counted(rows, 'row')} without a text {done}, first {first}")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "vector"), counted(2000, "vector")
    ('1 vector', '2,000 vectors')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number: int) -> str:
    """Return a number of bytes in a column of 14 characters: MiB, or kB where there would be no digit.

    >>> size(5 * 2**20), size(500)
    ('      5.00 MiB', '      0.50 kB ')
    """
    amount = number / MEBIBYTE
    return f"{amount:10.2f} MiB" if amount >= 0.01 else f"{number / KILOBYTE:10.2f} kB "


def sentence(manifest: Manifest) -> str:
    """Return the artifact in one line; its family is named if that is not BERT."""
    unit = ", unit length" if manifest.normalized else ""
    pairs = ", takes pairs" if manifest.pairs else ""
    family = "" if manifest.model_type == "bert" else f"{manifest.model_type}, "
    return (
        f"{manifest.name}, {family}{manifest.precision}, {manifest.dim} dimensions, {manifest.pooling} pooling{unit}, "
        f"{manifest.casing}{pairs}, texts cut to {manifest.max_length} tokens"
    )


def print_fidelity(manifest: Manifest) -> None:
    """Print the cosines, a line a set of texts and a line each of its length classes, and then what searches keep."""
    print("cosine to the float32 reference     texts     mean       p1    least")
    for name, record in manifest.fidelity.items():
        _print_record(name, record)
        for length, part in record["by_length"].items():
            _print_record(f"  {length}", part)
    for name, record in (manifest.kernels_fidelity or {}).items():
        _print_record(f"{name}, with the kernels", record)
    print("searches, against float32's          centred: mean    least  neighbours    ranks")
    for name, record in manifest.fidelity.items():
        _print_searches(name, record)
    for name, record in (manifest.kernels_fidelity or {}).items():
        _print_searches(f"{name}, with the kernels", record)


def _print_record(name: str, record: Mapping[str, Any]) -> None:
    figures = (f"{record[key]:9.5f}" for key in ("cosine_mean", "cosine_p1", "cosine_min"))
    print(f"{name:34} {record['texts']:6}{''.join(figures)}")


def _print_searches(name: str, record: Mapping[str, Any]) -> None:
    """Print what a search over a set of texts keeps; manifests of older versions do not have it."""
    if "neighbours_kept" not in record:
        print(f"{name:34} not measured: exported by an older version")
        return
    centred = f"{record['centred_mean']:15.5f}{record['centred_min']:9.5f}"
    print(f"{name:34} {centred}{record['neighbours_kept']:11.1%} {record['rank_correlation']:8.5f}")
