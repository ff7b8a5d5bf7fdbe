"""The rows of a table before it is one: documents, their sentences, and the tokens of these."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from biobert_onnx.encoding.token_vectors import TokenEmbeddings
from biobert_onnx.sentences import Sentence, split

DOCUMENT, SENTENCE, TOKEN = LEVELS = ("document", "sentence", "token")
"""What a row of the table may be, `output_level`; each lies in the one before it."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One row of the table, of the row `row` of the data.

    `parts`: text and place of the row itself and of what it lies in, by their levels; places count the code points of
    the document. `number`: that of the sentence in its document.
    """

    row: int
    parts: Mapping[str, Sentence]
    number: int = 0


def documents(texts: Iterable[tuple[int, str]]) -> list[Unit]:
    """Return a unit for each text."""
    return [Unit(row=row, parts={DOCUMENT: whole(text)}) for row, text in texts]


def sentences(texts: Iterable[tuple[int, str]]) -> list[Unit]:
    """Return a unit for each sentence of each text."""
    return [
        Unit(row=row, parts={DOCUMENT: document, SENTENCE: sentence}, number=number)
        for row, document in ((row, whole(text)) for row, text in texts)
        for number, sentence in enumerate(split(document.text))
    ]


def tokens(found: Sequence[Unit], words: Sequence[TokenEmbeddings]) -> Iterator[Unit]:
    """Yield a unit for each word of the sentences `found`; `words` are those of each sentence."""
    for unit, item in zip(found, words, strict=True):
        sentence = unit.parts[SENTENCE]
        for begin, end in item.offsets.tolist():
            token = Sentence(begin=sentence.begin + begin, end=sentence.begin + end, text=sentence.text[begin:end])
            yield Unit(row=unit.row, parts={**unit.parts, TOKEN: token}, number=unit.number)


def whole(text: str) -> Sentence:
    """Return `text` as one sentence."""
    return Sentence(begin=0, end=len(text), text=text)
