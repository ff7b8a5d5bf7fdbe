"""Measure the speed of exports of one checkpoint that differ in one option, on each engine, in alternating rounds.

`pooling` compares mean with cls; `recipe` compares static scales with a scale for each token.
"""

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.harness.program import program_parser, run_program
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.machine.environment import environment
from benchmarks.results import write_record
from biobert_onnx import SentenceEncoder
from biobert_onnx._file_status import is_folder
from biobert_onnx.encoding.engines import ENGINES

VALUES = {"pooling": ("mean", "cls"), "recipe": ("static", "per-token")}
"""The values of each option that are compared, each option's second one against its first."""

Seconds = dict[str, list[float]]


def main() -> None:
    """Export each value of the option, encode the same texts, print the texts a second and the ratio of medians."""
    parser = program_parser(__doc__)
    parser.add_argument("option", choices=VALUES, metavar="OPTION", help=" or ".join(VALUES))
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a folder, an archive or a name that export takes")
    parser.add_argument("--texts", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write all samples to this file, as JSON")
    options = parser.parse_args()
    if options.rounds < 1 or options.texts < 1:
        raise ValueError(f"--rounds is {options.rounds} and --texts {options.texts}, expected 1 or more of each")
    if options.record is not None and not is_folder(options.record.absolute().parent):
        raise ValueError(f"--record '{options.record}' is no path of a file in an existing folder")
    texts = pubmed_like_texts(options.texts)
    with tempfile.TemporaryDirectory() as folder:
        artifacts = export_all(options.checkpoint, options.option, Path(folder))
        seconds = {engine: time_rounds(artifacts, engine, texts, options.rounds) for engine in ENGINES}
    for engine, samples in seconds.items():
        print(describe(engine, samples, len(texts)))
    if options.record is not None:
        record = {"environment": environment(), "option": options.option, "texts": len(texts), "seconds": seconds}
        write_record(options.record, record)


def export_all(checkpoint: str, option: str, folder: Path) -> dict[str, Path]:
    """Export `checkpoint` with each value of `option`; returns the artifacts by value."""
    from biobert_onnx_export import export

    artifacts = {value: folder / value for value in VALUES[option]}
    for value, artifact in artifacts.items():
        export(checkpoint, artifact, pooling=value if option == "pooling" else None, recipe=_recipe(option, value))
    return artifacts


def _recipe(option: str, value: str) -> str:
    return value if option == "recipe" else VALUES["recipe"][-1]


def time_rounds(artifacts: dict[str, Path], engine: str, texts: list[str], rounds: int) -> Seconds:
    """Return the seconds that each artifact takes for `texts` in each of `rounds` rounds; one more round warms up."""
    encoders = {value: SentenceEncoder(artifact, engine=engine) for value, artifact in artifacts.items()}
    seconds: Seconds = {value: [] for value in encoders}
    for number in range(rounds + 1):
        for value, encoder in encoders.items():
            begin = time.perf_counter()
            encoder.encode(texts)
            if number:  # the first round warms up
                seconds[value].append(time.perf_counter() - begin)
    return seconds


def describe(engine: str, seconds: Seconds, texts: int) -> str:
    """Return a line: the texts a second of each value, and how many times as long the second one takes.

    >>> describe("kernels", {"static": [1.0, 2.0, 1.0], "per-token": [1.5, 2.0, 3.0]}, 30)
    'kernels: static 30 texts/s, per-token 15 texts/s; per-token takes 1.50 times as long'
    """
    (_, before), (second, after) = seconds.items()
    rates = ", ".join(f"{value} {texts / statistics.median(samples):.0f} texts/s" for value, samples in seconds.items())
    ratio = statistics.median(new / old for old, new in zip(before, after, strict=True))
    return f"{engine}: {rates}; {second} takes {ratio:.2f} times as long"


if __name__ == "__main__":
    run_program(main)
