"""Every program of benchmarks/ explains itself, and names a wrong path in one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PROGRAMS = sorted(path.stem for path in BENCHMARKS.glob("*.py") if path.stem != "__init__")

WITH_A_WRONG_PATH = {
    "bundle_start": ["/nope"],
    "demo": ["--checkpoint", "/nope"],
    "exports": ["recipe", "/nope"],
    "judged_pairs": ["/nope", "/nope/pairs.tsv"],
    "measure": ["--checkpoint", "/nope"],
    "profile": ["/nope"],
    "quality": ["--texts", "/nope"],
    "spark": ["/nope"],
    "standin": ["/dev/null/nope"],
    "threads": ["--checkpoint", "/nope"],
}
"""The programs that take a path to read or a folder to make, with arguments that lead nowhere."""


def run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in the checkout, as its users do."""
    command = [sys.executable, "-m", f"benchmarks.{program}", *arguments]
    return subprocess.run(command, cwd=BENCHMARKS.parent, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_says_what_a_program_does_and_how_to_call_it(program: str) -> None:
    done = run(program, "--help")
    assert done.returncode == 0, done.stderr
    usage, _, description = done.stdout.partition("\n\n")
    assert usage.startswith(f"usage: python -m benchmarks.{program}")
    assert description[:1].isupper()


@pytest.mark.parametrize("program", WITH_A_WRONG_PATH)
def test_a_wrong_path_ends_in_one_sentence_that_names_it(program: str) -> None:
    done = run(program, *WITH_A_WRONG_PATH[program])
    assert done.returncode == 1
    last_line = done.stderr.splitlines()[-1]
    assert last_line.startswith(f"{program}: error: ")
    assert "/nope'" in last_line or "/nope/pairs.tsv'" in last_line
    assert "Traceback" not in done.stderr
