"""The numbers by which the annotations of a row's tokens and words name their sentences."""

from collections import defaultdict
from collections.abc import Sequence

from biobert_onnx.spark.annotations import Annotation

SENTENCE = "sentence"
"""The key of the number in an annotation's metadata."""


def sentence_number(sentence: Annotation, place: int) -> str:
    """Return the number of a sentence that is `place` of its row."""
    return sentence.metadata.get(SENTENCE, str(place))


def of_sentences(sentences: Sequence[Annotation], others: Sequence[Annotation]) -> list[list[int]]:
    """Return, for each of a row's sentences, the places of its tokens or words in `others`, in order.

    One belongs to the first sentence of its number, or of any if it has none, from whose begin to whose end it lies.

    >>> sentence = Annotation(begin=0, end=5, result="a cell", metadata={"sentence": "0"})
    >>> token = Annotation(begin=2, end=5, result="cell", metadata={"sentence": "0"})
    >>> of_sentences([sentence], [token])
    [[0]]
    """
    by_number: dict[str | None, list[int]] = defaultdict(list)
    for place, sentence in enumerate(sentences):
        by_number[sentence_number(sentence, place)].append(place)
    by_number[None] = list(range(len(sentences)))
    found: list[list[int]] = [[] for _ in sentences]
    for number, other in enumerate(others):
        for place in by_number.get(other.metadata.get(SENTENCE), ()):
            if sentences[place].begin <= other.begin and other.end <= sentences[place].end:
                found[place].append(number)
                break
    return found
