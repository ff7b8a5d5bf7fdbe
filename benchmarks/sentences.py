"""Count how many bounds between sentences each set of rules finds, and write results/sentences/rules.json.

FILE holds true sentences, one a line, in the order of their documents. Those that end with a full stop, a question mark
or an exclamation mark are joined by blanks, six to a text: a title without a mark has no bound to find. F1 is of the
bounds inside the texts (van Rijsbergen 1979: 2 x found / (2 x found + false + missed)).
"""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from benchmarks.harness.program import program_parser, run_program
from benchmarks.inputs.user_texts import read_texts
from benchmarks.machine.environment import environment
from benchmarks.results import RESULTS, write_record
from biobert_onnx.sentences import split
from biobert_onnx.sentences.splitting import RULE_SETS

JOINED = 6
"""Sentences in a text."""

MARKS = (".", "?", "!")


def true_bounds(sentences: Sequence[str]) -> set[int]:
    """Return where each sentence but the first begins in their text, joined by blanks.

    >>> sorted(true_bounds(["Fever.", "No cough.", "Why?"]))
    [7, 17]
    """
    return set(accumulate(len(sentence) + 1 for sentence in sentences[:-1]))


def count_bounds(texts: Sequence[Sequence[str]], rules: str) -> dict[str, int]:
    """Return how many bounds of `texts`, each a list of its sentences, `rules` find, see where none is, and miss."""
    counts = {"found": 0, "false": 0, "missed": 0}
    for sentences in texts:
        expected = true_bounds(sentences)
        _, *starts = (sentence.begin for sentence in split(" ".join(sentences), rules=rules))
        counts["found"] += len(expected & set(starts))
        counts["false"] += len(set(starts) - expected)
        counts["missed"] += len(expected - set(starts))
    return counts


def f1(counts: dict[str, int]) -> float:
    """Return F1.

    >>> f1({"found": 3, "false": 1, "missed": 1})
    0.75
    """
    return 2 * counts["found"] / (2 * counts["found"] + counts["false"] + counts["missed"])


def main() -> None:
    """Count, write the record, print a line for each set of rules."""
    parser = program_parser(__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="true sentences, one a line")
    parser.add_argument("--source", required=True, metavar="WORDS", help="what the sentences are, for the record")
    parser.add_argument(
        "--output", type=Path, default=RESULTS / "sentences", metavar="FOLDER", help="default: %(default)s"
    )
    options = parser.parse_args()
    sentences = [line for path in options.files for line in read_texts(path) if line.endswith(MARKS)]
    texts = [sentences[start : start + JOINED] for start in range(0, len(sentences), JOINED)]
    found = {rules: count_bounds(texts, rules) for rules in RULE_SETS}
    record = {"environment": environment(), "source": options.source, "sentences": len(sentences), "rules": found}
    write_record(options.output / "rules.json", record)
    for rules, counts in found.items():
        print(f"{rules}: {len(sentences)} sentences, {counts}, F1 {f1(counts):.3f}")


if __name__ == "__main__":
    run_program(main)
