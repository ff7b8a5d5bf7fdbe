"""The README's first examples, in a folder where `make demo` has been: each prints what the README shows."""

import re
from pathlib import Path

import pytest

from tests.support.pages import README, Block, blocks

SECTIONS = ("Quickstart", "Using it")
EXAMPLES = [block for block in blocks(README) if block.heading in SECTIONS and block.language == "python"]

NUMBER = re.compile(r"-?\d+\.\d+")
CLOSE = 0.005
"""What int8 may differ by on a CPU that rounds float32 otherwise."""


def test_each_section_has_an_example() -> None:
    assert tuple(block.heading for block in EXAMPLES) == SECTIONS


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda block: str(block.heading))
def test_an_example_prints_what_the_readme_shows(
    example: Block, minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = tmp_path / "build" / "demo"
    demo.mkdir(parents=True)
    (demo / "all-MiniLM-L6-v2-int8").symlink_to(minilm)
    monkeypatch.chdir(tmp_path)
    exec(compile(example.code, example.place, "exec"), {})
    printed = capsys.readouterr().out
    assert example.output is not None
    assert words(printed) == words(example.output)
    assert numbers(printed) == pytest.approx(numbers(example.output), abs=CLOSE)


def words(text: str) -> list[str]:
    return NUMBER.sub("#", text).split()


def numbers(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]
