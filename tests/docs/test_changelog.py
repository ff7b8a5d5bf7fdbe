"""The changelog: the headings of Keep a Changelog, and the package's version among them, or still to come."""

import re
from pathlib import Path

from biobert_onnx.version import __version__

LINES = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_what_is_not_released_comes_first_and_every_release_has_a_date() -> None:
    first, *releases = [line for line in LINES if line.startswith("## ")]
    assert first == "## [Unreleased]"
    assert all(re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", line) for line in releases)


def test_lines_stand_under_the_kinds_of_changes() -> None:
    assert {line.removeprefix("### ") for line in LINES if line.startswith("### ")} <= KINDS


def test_the_version_is_the_newest_release_or_the_one_to_come() -> None:
    released = re.findall(r"^## \[(\d[\d.]*)\]", "\n".join(LINES), re.MULTILINE)
    assert __version__ in [*released[:1], *re.findall(r"This will be (\S+?),", "\n".join(LINES))]
