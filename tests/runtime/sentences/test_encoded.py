"""The vector of each sentence."""

from functools import partial

import numpy as np

from biobert_onnx import SentenceEncoder
from biobert_onnx.sentences import split, split_and_encode


def test_each_sentence_gets_the_vector_of_its_text(encoder: SentenceEncoder) -> None:
    texts = ["I hate cancer. Antibiotics aren't painkiller.", "", "One sentence"]
    entries = split_and_encode(encoder, texts)
    assert [(entry.document, entry.text) for entry in entries] == [
        (0, "I hate cancer."),
        (0, "Antibiotics aren't painkiller."),
        (2, "One sentence"),
    ]
    assert all(texts[entry.document][entry.begin : entry.end] == entry.text for entry in entries)
    expected = encoder.encode([entry.text for entry in entries])
    assert np.stack([entry.vector for entry in entries]).tobytes() == expected.tobytes()


def test_texts_can_be_split_in_another_way(encoder: SentenceEncoder) -> None:
    entries = split_and_encode(encoder, ["a|b"], split=partial(split, custom_bounds=[r"\|"]))
    assert [entry.text for entry in entries] == ["a", "b"]


def test_no_texts_give_no_entries(encoder: SentenceEncoder) -> None:
    assert split_and_encode(encoder, []) == []
