"""Agreement of cosine similarities with human scores, for sentence pairs as in BIOSSES or MedSTS.

    python -m benchmarks.quality ARTIFACT [ARTIFACT ...] PAIRS.tsv

PAIRS.tsv: one pair a line, UTF-8: sentence, tab, sentence, tab, score. Give the int8 and the fp32 artifact of a
checkpoint to see what quantization costs.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from scipy.stats import pearsonr, spearmanr

from biobert_onnx import SentenceEncoder
from biobert_onnx_export.gate.fidelity import cosines

Pairs = tuple[list[str], list[str], list[float]]
"""Left sentences, right sentences, scores."""

LEAST_PAIRS = 3


def read_pairs(path: Path) -> Pairs:
    """The pairs in the file at `path`; raises ValueError that names a line of another form."""
    left, right, scores = [], [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            first, second, score = line.split("\t")
            scores.append(float(score))
        except ValueError:
            form = "sentence<tab>sentence<tab>score"
            raise ValueError(f"'{path}' line {number} is {line!r:.80}, expected {form}") from None
        left.append(first)
        right.append(second)
    if len(scores) < LEAST_PAIRS:
        raise ValueError(f"'{path}' has {len(scores)} pairs, expected at least {LEAST_PAIRS}")
    return left, right, scores


def agreement(encoder: SentenceEncoder, pairs: Pairs) -> tuple[float, float]:
    """Pearson's and Spearman's correlation of the pairs' cosines with their scores."""
    left, right, scores = pairs
    similarities = cosines(encoder.encode(left), encoder.encode(right))
    return float(pearsonr(similarities, scores).statistic), float(spearmanr(similarities, scores).statistic)


def main(arguments: Sequence[str]) -> None:
    """Print both correlations for each artifact."""
    if len(arguments) < 2:
        raise ValueError("expected ARTIFACT [ARTIFACT ...] PAIRS.tsv")
    *artifacts, path = arguments
    pairs = read_pairs(Path(path))
    for artifact in artifacts:
        encoder = SentenceEncoder(artifact)
        pearson, spearman = agreement(encoder, pairs)
        precision = encoder.manifest.precision
        print(f"{artifact} ({precision}): {len(pairs[0])} pairs, Pearson {pearson:.4f}, Spearman {spearman:.4f}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ValueError, OSError) as error:
        sys.exit(f"quality: error: {error}")
