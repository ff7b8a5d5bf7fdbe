"""Shows what cls pooling saves over mean pooling of the same checkpoint: python -m benchmarks.poolings CHECKPOINT."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.inputs.corpus import pubmed_like_texts
from biobert_onnx import SentenceEncoder
from biobert_onnx_export import export

POOLINGS = ("mean", "cls")
TEXTS = 300
ROUNDS = 7


def main(checkpoint: str) -> None:
    """Export both, encode the same texts in alternating rounds, print texts a second and the median ratio."""
    texts = pubmed_like_texts(TEXTS)
    seconds: dict[str, list[float]] = {pooling: [] for pooling in POOLINGS}
    with tempfile.TemporaryDirectory() as folder:
        for pooling in POOLINGS:
            export(checkpoint, Path(folder) / pooling, pooling=pooling)
        encoders = {pooling: SentenceEncoder(Path(folder) / pooling) for pooling in POOLINGS}
        for number in range(ROUNDS + 1):
            for pooling, encoder in encoders.items():
                begin = time.perf_counter()
                encoder.encode(texts)
                if number:  # the first round warms up
                    seconds[pooling].append(time.perf_counter() - begin)
    for pooling, samples in seconds.items():
        print(f"{pooling}: {TEXTS / statistics.median(samples):.0f} texts/s")
    ratio = statistics.median(mean / cls for mean, cls in zip(seconds["mean"], seconds["cls"], strict=True))
    print(f"cls is {ratio:.3f} times as fast")


if __name__ == "__main__":
    main(sys.argv[1])
