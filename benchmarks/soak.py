"""Long runs of the `encode` command with its memory watched; writes benchmarks/results/soak/RUN.json.

    python -m benchmarks.soak [--only RUN] [--texts N] [--output FOLDER]

short: 1,000,000 different texts of 3 to 10 words. lengths: 100,000 texts, every length from 2 to 512 tokens as likely.

Memory is flat if the greatest sample after the first tenth of a run's time is at most 5 % and at most 10 MiB above the
median of the second tenth; resident memory (VmRSS) and its anonymous part (RssAnon) both have to be.
"""

import argparse
import json
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

from benchmarks.inputs.corpus import bundled_texts
from benchmarks.inputs.minilm import minilm_artifact
from benchmarks.machine.environment import environment
from benchmarks.machine.memory import allowed_growth, figures

RESULTS = Path(__file__).parent / "results" / "soak"
WORK = Path("build/soak")

MAX_LENGTH = 512
SPECIAL_TOKENS = 2
INTERVAL_S = 1.0
SEED = 5

Sample = tuple[float, int, int]
"""Seconds since the start, resident and anonymous memory in KiB."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """How many texts, and what makes so many with a tokenizer."""

    texts: int
    make: Callable[[int, Tokenizer], Iterator[str]]


def short_texts(count: int, tokenizer: Tokenizer) -> Iterator[str]:
    """`count` different texts of 3 to 10 words."""
    words, chance = " ".join(bundled_texts()).split(), random.Random(SEED)
    made: set[str] = set()
    while len(made) < count:
        text = " ".join(chance.choices(words, k=chance.randint(3, 10)))
        if text not in made:
            made.add(text)
            yield text


def texts_of_all_lengths(count: int, tokenizer: Tokenizer) -> Iterator[str]:
    """`count` texts of 2 to 512 tokens, special ones included, each length as likely: words that are one token each."""
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


def watch(process: subprocess.Popen[bytes]) -> list[Sample]:
    """Samples of the memory of `process`, one a second until it ends; raises CalledProcessError if it fails."""
    samples: list[Sample] = []
    start = time.monotonic()
    while process.poll() is None:
        with suppress(KeyError):  # it has just ended
            resident, anonymous = figures(process.pid, "VmRSS", "RssAnon")
            samples.append((round(time.monotonic() - start, 1), resident, anonymous))
        time.sleep(INTERVAL_S)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return samples


def verdict(samples: Sequence[Sample]) -> dict[str, Any]:
    """Whether the memory of a run was flat, and the figures that say so, in KiB.

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


def soak(name: str, count: int, artifact: Path) -> dict[str, Any]:
    """The record of the run `name` with `count` texts."""
    texts, vectors = WORK / f"{name}.txt", WORK / f"{name}.npy"
    tokenizer = Tokenizer.from_file(str(artifact / "tokenizer.json"))
    with texts.open("w", encoding="utf-8") as file:
        file.writelines(f"{text}\n" for text in RUNS[name].make(count, tokenizer))
    command = [sys.executable, "-m", "biobert_onnx", "encode", str(artifact), str(texts), "-o", str(vectors)]
    start = time.monotonic()
    with subprocess.Popen([*command, "--max-length", str(MAX_LENGTH)]) as process:
        samples = watch(process)
    seconds = time.monotonic() - start
    rows = len(np.load(vectors, mmap_mode="r"))
    if rows != count:
        raise ValueError(f"'{vectors}' has {rows} rows, expected {count}")
    return {"texts": count, "seconds": round(seconds, 1), **verdict(samples), "samples": samples}


def line(name: str, record: dict[str, Any]) -> str:
    """What a run came to, for people."""
    parts = [
        f"{name}: {record['texts']:,} texts in {record['seconds']:,} s, memory {'' if record['flat'] else 'NOT '}flat"
    ]
    for kind in ("resident", "anonymous"):
        second, greatest = (
            record[kind][key] / 1024 for key in ("median_of_second_tenth", "greatest_after_first_tenth")
        )
        parts.append(f"{kind} {second:.1f} MiB in the second tenth, at most {greatest:.1f} MiB after the first")
    return "; ".join(parts)


def main() -> int:
    """Run what the command line asks for; returns 1 if memory was not flat in some run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(RUNS), help="one run (default: all)")
    parser.add_argument("--texts", type=int, metavar="N", help="fewer texts than a run has, to see that it works")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the records")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    artifact = minilm_artifact(WORK)
    flat = True
    for name in [options.only] if options.only else list(RUNS):
        record = {"environment": environment(), **soak(name, options.texts or RUNS[name].texts, artifact)}
        (options.output / f"{name}.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
        print(line(name, record), flush=True)
        flat &= record["flat"]
    shutil.rmtree(WORK)
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
