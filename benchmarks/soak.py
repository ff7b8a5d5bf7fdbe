"""Run the command `encode` on many texts, watch its memory, and write results/soak/RUN-ENGINE.json.

short: 1,000,000 different texts of 3 to 10 words. lengths: 100,000 texts, every length from 2 to 512 tokens as likely.

Memory is flat if the greatest sample after the first tenth of a run's time is at most 5 % and at most 10 MiB above the
median of the second tenth; resident memory (VmRSS) and its anonymous part (RssAnon) both have to be.
"""

import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from benchmarks.harness.program import add_engine, program_parser, run_program
from benchmarks.inputs.corpus import bundled_texts
from benchmarks.inputs.minilm import minilm_artifact
from benchmarks.machine.environment import environment
from benchmarks.machine.memory import allowed_growth, proc_numbers
from benchmarks.results import RESULTS, write_record

WORK = Path("build/soak")
"""The folder of the artifact, texts and vectors; a run empties it first and removes it at the end."""

MAX_LENGTH = 512
SPECIAL_TOKENS = 2
"""[CLS] and [SEP], which frame every text."""

SAMPLE_INTERVAL_S = 1.0
SEED = 5

Sample = tuple[float, int, int]
"""Seconds since the start, resident and anonymous memory in KiB."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """The number of texts of a run, and the function that makes them with a tokenizer."""

    texts: int
    make: Callable[[int, Tokenizer], Iterator[str]]


def short_texts(count: int, tokenizer: Tokenizer) -> Iterator[str]:
    """Make `count` different texts of 3 to 10 words."""
    words, chance = " ".join(bundled_texts()).split(), random.Random(SEED)
    made: set[str] = set()
    while len(made) < count:
        text = " ".join(chance.choices(words, k=chance.randint(3, 10)))
        if text not in made:
            made.add(text)
            yield text


def texts_of_all_lengths(count: int, tokenizer: Tokenizer) -> Iterator[str]:
    """Make `count` texts of 2 to 512 tokens, each length as likely, from words that are one token each.

    The lengths include the special tokens.
    """
    words, chance = (
        sorted(word for word in tokenizer.get_vocab() if word.isascii() and word.isalpha()),
        random.Random(SEED),
    )
    for _ in range(count):
        yield " ".join(chance.choices(words, k=chance.randint(SPECIAL_TOKENS, MAX_LENGTH) - SPECIAL_TOKENS))


RUNS = {
    "short": Run(texts=1_000_000, make=short_texts),
    "lengths": Run(texts=100_000, make=texts_of_all_lengths),
}


def watch(command: Sequence[str]) -> list[Sample]:
    """Run `command`, and sample its memory once a second until it ends; raises CalledProcessError if it fails."""
    with subprocess.Popen(command) as process:
        try:
            return _samples(process)
        finally:
            process.kill()


def _samples(process: subprocess.Popen[bytes]) -> list[Sample]:
    samples: list[Sample] = []
    start = time.monotonic()
    while process.poll() is None:
        with suppress(KeyError):  # the process has just ended
            resident, anonymous = proc_numbers(process.pid, "VmRSS", "RssAnon")
            samples.append((round(time.monotonic() - start, 1), resident, anonymous))
        time.sleep(SAMPLE_INTERVAL_S)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return samples


def verdict(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return whether the memory of a run was flat, and the figures that show it, in KiB.

    Raises ValueError for a run so short that none of `samples` fell into its second tenth.
    """
    tenth = samples[-1][0] / 10 if samples else 0.0
    early = [sample for sample in samples if tenth <= sample[0] <= 2 * tenth]
    if not early:
        raise ValueError(f"the run took {10 * tenth:.0f} s, too short to be judged: give it more --texts")
    result: dict[str, Any] = {"flat": True}
    for column, name in ((1, "resident"), (2, "anonymous")):
        second = statistics.median(sample[column] for sample in early)
        greatest = max(sample[column] for sample in samples if sample[0] >= tenth)
        result[name] = {"median_of_second_tenth": second, "greatest_after_first_tenth": greatest}
        result["flat"] &= greatest - second <= allowed_growth(second)
    return result


def soak(name: str, count: int, artifact: Path, engine: str) -> dict[str, Any]:
    """Make the run `name` with `count` texts on `engine`, and return its record.

    Raises ValueError if vectors are missing.
    """
    texts, vectors = WORK / f"{name}.txt", WORK / f"{name}.npy"
    tokenizer = Tokenizer.from_file(str(artifact / "tokenizer.json"))
    with texts.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{text}\n" for text in RUNS[name].make(count, tokenizer))
    command = [sys.executable, "-m", "biobert_onnx", "encode", str(artifact), str(texts), "-o", str(vectors)]
    command += ["--engine", engine, "--max-length", str(MAX_LENGTH)]
    start = time.monotonic()
    samples = watch(command)
    seconds = time.monotonic() - start
    rows = len(np.load(vectors, mmap_mode="r"))
    if rows != count:
        raise ValueError(f"'{vectors}' has {rows} rows, expected {count}")
    return {"engine": engine, "texts": count, "seconds": round(seconds, 1), **verdict(samples), "samples": samples}


def summary_line(name: str, record: dict[str, Any]) -> str:
    """Return the outcome of a run as one line for people."""
    parts = [
        f"{name}, {record['engine']}: {record['texts']:,} texts in {record['seconds']:,} s, "
        f"memory {'' if record['flat'] else 'NOT '}flat"
    ]
    for kind in ("resident", "anonymous"):
        second, greatest = (
            record[kind][key] / 1024 for key in ("median_of_second_tenth", "greatest_after_first_tenth")
        )
        parts.append(f"{kind} {second:.1f} MiB in the second tenth, at most {greatest:.1f} MiB after the first")
    return "; ".join(parts)


def main() -> int:
    """Run with the arguments of the command line; returns 1 if the memory of a run was not flat."""
    parser = program_parser(__doc__)
    parser.add_argument("--only", choices=list(RUNS), help="one run (default: all)")
    add_engine(parser)
    parser.add_argument("--texts", type=int, metavar="N", help="a smaller number of texts, for a trial")
    parser.add_argument("--output", type=Path, default=RESULTS / "soak", metavar="FOLDER", help="default: %(default)s")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    artifact = minilm_artifact(WORK)
    flat = True
    for name in [options.only] if options.only else list(RUNS):
        made = soak(name, options.texts or RUNS[name].texts, artifact, options.engine)
        record = {"environment": environment(), **made}
        write_record(options.output / f"{name}-{options.engine}.json", record, indent=None)
        print(summary_line(name, record), flush=True)
        flat &= record["flat"]
    shutil.rmtree(WORK)
    return 0 if flat else 1


if __name__ == "__main__":
    run_program(main)
