"""Measure how much faster cls pooling is than mean pooling of one checkpoint on one engine, in alternating rounds."""

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.harness.program import add_engine, program_parser, run_program
from benchmarks.inputs.corpus import pubmed_like_texts
from biobert_onnx import SentenceEncoder

POOLINGS = ("mean", "cls")


def main() -> None:
    """Export both, encode the same texts, print the texts a second of each and the median ratio."""
    parser = program_parser(__doc__)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a folder, an archive or a name that export takes")
    add_engine(parser)
    parser.add_argument("--texts", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    options = parser.parse_args()
    from biobert_onnx_export import export

    texts = pubmed_like_texts(options.texts)
    with tempfile.TemporaryDirectory() as folder:
        for pooling in POOLINGS:
            export(options.checkpoint, Path(folder) / pooling, pooling=pooling)
        encoders = {pooling: SentenceEncoder(Path(folder) / pooling, engine=options.engine) for pooling in POOLINGS}
        seconds = time_rounds(encoders, texts, options.rounds)
    for pooling, samples in seconds.items():
        print(f"{pooling}, {options.engine}: {len(texts) / statistics.median(samples):.0f} texts/s")
    ratio = statistics.median(mean / cls for mean, cls in zip(seconds["mean"], seconds["cls"], strict=True))
    print(f"cls is {ratio:.3f} times as fast")


def time_rounds(encoders: dict[str, SentenceEncoder], texts: list[str], rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each encoder takes for `texts` in each of `rounds` rounds; one more round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for number in range(rounds + 1):
        for name, encoder in encoders.items():
            begin = time.perf_counter()
            encoder.encode(texts)
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - begin)
    return seconds


if __name__ == "__main__":
    run_program(main)
