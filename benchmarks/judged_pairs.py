"""Correlate cosine similarities with human scores, for sentence pairs as in BIOSSES or MedSTS.

PAIRS.tsv holds one pair a line, in UTF-8: sentence, tab, sentence, tab, score. Give the int8 and the fp32 artifact of a
checkpoint to see what quantization costs. Texts that nobody judged: python -m benchmarks.quality.
"""

from pathlib import Path

from scipy.stats import pearsonr, spearmanr

from benchmarks.harness.program import program_parser, run_program
from biobert_onnx import SentenceEncoder
from biobert_onnx.comparison.agreement import cosines
from biobert_onnx.encoding.engines import ENGINES

Pairs = tuple[list[str], list[str], list[float]]
"""Left sentences, right sentences, scores."""

MIN_PAIRS = 3
"""Fewer pairs have no meaningful correlation: two always give 1 or -1."""


def read_pairs(path: Path) -> Pairs:
    """Read the pairs in the file at `path`; raises ValueError, which names the line, for another form."""
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
    if len(scores) < MIN_PAIRS:
        raise ValueError(f"'{path}' has {len(scores)} pairs, expected at least {MIN_PAIRS}")
    return left, right, scores


def correlations(encoder: SentenceEncoder, pairs: Pairs) -> tuple[float, float]:
    """Return Pearson's and Spearman's correlation of the pairs' cosines with their scores."""
    left, right, scores = pairs
    similarities = cosines(encoder.encode(left), encoder.encode(right))
    return float(pearsonr(similarities, scores).statistic), float(spearmanr(similarities, scores).statistic)


def main() -> None:
    """Print both correlations for each artifact, and the engine that computed the vectors."""
    parser = program_parser(__doc__)
    parser.add_argument("--engine", choices=ENGINES, help="default: what an encoder takes")
    parser.add_argument("artifacts", nargs="+", metavar="ARTIFACT", help="an artifact's folder")
    parser.add_argument("pairs", type=Path, metavar="PAIRS.tsv", help="the scored pairs")
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    for artifact in options.artifacts:
        encoder = SentenceEncoder(artifact, engine=options.engine)
        pearson, spearman = correlations(encoder, pairs)
        made_by = f"{encoder.manifest.precision}, {encoder.engine}"
        found = f"Pearson {pearson:.4f}, Spearman {spearman:.4f}"
        print(f"{artifact} ({made_by}): {len(pairs[0])} pairs, correlation with human scores: {found}")


if __name__ == "__main__":
    run_program(main)
