"""The long runs make the texts they say, and tell flat memory from growing memory."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from benchmarks.harness.program import TERMINATED
from benchmarks.soak import MAX_LENGTH, Sample, short_texts, texts_of_all_lengths, verdict

MIB = 1024


@pytest.fixture(scope="module")
def tokenizer(artifact: Path) -> Tokenizer:
    return Tokenizer.from_file(str(artifact / "tokenizer.json"))


def test_short_texts_are_different_and_of_3_to_10_words(tokenizer: Tokenizer) -> None:
    texts = list(short_texts(5000, tokenizer))
    assert len(set(texts)) == 5000
    assert {len(text.split()) for text in texts} == set(range(3, 11))


def test_texts_of_all_lengths_have_2_to_512_tokens(tokenizer: Tokenizer) -> None:
    lengths = {len(tokenizer.encode(text).ids) for text in texts_of_all_lengths(3000, tokenizer)}
    assert min(lengths) == 2
    assert max(lengths) == MAX_LENGTH
    assert len(lengths) > 490


def samples(*, growth: float, steady: int = 200 * MIB) -> list[Sample]:
    """1,000 seconds of memory that rises to `steady` in the first tenth, and by `growth` KiB a second after it."""
    memory = [min(second / 100, 1) * steady + max(second - 100, 0) * growth for second in range(1001)]
    return [(float(second), round(kib) + 50 * MIB, round(kib)) for second, kib in enumerate(memory)]


def test_memory_that_rises_in_the_first_tenth_only_is_flat() -> None:
    assert verdict(samples(growth=0))["flat"] is True


@pytest.mark.parametrize(("growth", "steady"), [(15, 2000 * MIB), (8, 100 * MIB)])
def test_memory_that_goes_on_growing_is_not_flat(growth: float, steady: int) -> None:
    assert verdict(samples(growth=growth, steady=steady))["flat"] is False


def test_one_peak_late_in_the_run_is_not_flat() -> None:
    run = samples(growth=0)
    run[900] = (900.0, run[900][1] + 11 * MIB, run[900][2])
    assert verdict(run)["flat"] is False


WATCHED = """
import sys
from benchmarks.harness.program import run_program
from benchmarks.soak import watch

run_program(lambda: watch([sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]))
"""
"""A program that watches a command which never ends."""


def test_a_run_that_is_terminated_ends_the_command_that_it_watches() -> None:
    with subprocess.Popen([sys.executable, "-c", WATCHED], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        watched = Path("/proc", program.stdout.readline().strip())
        assert watched.exists()
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == TERMINATED
    assert not watched.exists()
