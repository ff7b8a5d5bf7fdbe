"""One vector a sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.sentences.splitting import Sentence, split

if TYPE_CHECKING:
    from biobert_onnx.encoder import SentenceEncoder


@dataclass(frozen=True, kw_only=True)
class EncodedSentence:
    """A sentence, the index of its text (`document`), and its vector (dim,) float32."""

    document: int
    begin: int
    end: int
    text: str
    vector: NDArray[np.float32]


def split_and_encode(
    encoder: "SentenceEncoder",
    texts: Sequence[str],
    *,
    split: Callable[[str], list[Sentence]] = split,
    show_progress_bar: bool | None = None,
) -> list[EncodedSentence]:
    """Split and encode `texts`: return one entry a sentence, in order; a blank text has none.

    `split`: splits one text, for example `functools.partial(split, split_length=1000)`.
    `show_progress_bar`: as in `SentenceEncoder.encode`, whose errors this raises too.
    """
    found = [(index, sentence) for index, text in enumerate(texts) for sentence in split(text)]
    vectors = encoder.encode([sentence.text for _, sentence in found], show_progress_bar=show_progress_bar)
    return [
        EncodedSentence(document=index, begin=sentence.begin, end=sentence.end, text=sentence.text, vector=vector)
        for (index, sentence), vector in zip(found, vectors, strict=True)
    ]
