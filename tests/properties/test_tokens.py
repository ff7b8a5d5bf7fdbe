"""Places of tokens in any text are those of transformers' fast tokenizer, and vectors do not depend on the batch."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from biobert_onnx import SentenceEncoder
from biobert_onnx.artifact.paths import TOKENIZER
from biobert_onnx.encoding import tokenizer as tokenization
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.errors import TextTooLongError
from tests.properties.strategies import texts

PARTS = st.sampled_from(
    [
        "protein",
        "cancer,",
        " ",
        "É",
        "[MASK]",
        "[SEP]",
        "a" * 5,
        "a" * 1600,
        "b" * 1601,
        "c" * 9000,
        "中",
        "\u0301",
        "-",
    ]
)
"""Parts of long texts: words, and words so long that a tokenizer may shorten them."""


@pytest.fixture(scope="module")
def pair(artifact: Path) -> tuple[TextTokenizer, PreTrainedTokenizerFast]:
    """The artifact's tokenizer, and transformers' on the same file."""
    path = artifact / TOKENIZER
    return TextTokenizer(path), PreTrainedTokenizerFast(tokenizer_file=str(path))


def expect_places(pair: tuple[TextTokenizer, PreTrainedTokenizerFast], text: str) -> None:
    ours, theirs = pair
    (found,) = ours.encodings([text])
    expected = theirs(text, return_offsets_mapping=True)
    assert list(found.ids) == expected["input_ids"] == list(ours.token_ids([text])[0])
    assert found.offsets.tolist() == [list(place) for place in expected["offset_mapping"]]
    assert found.word_ids.tolist() == [-1 if word is None else word for word in expected.word_ids()]


@given(text=texts)
def test_places_are_those_of_transformers(pair: tuple[TextTokenizer, PreTrainedTokenizerFast], text: str) -> None:
    expect_places(pair, text)


@given(parts=st.lists(PARTS, max_size=20), between=st.sampled_from(["", " "]))
def test_places_in_texts_that_are_read_in_pieces_are_those_of_the_whole(
    pair: tuple[TextTokenizer, PreTrainedTokenizerFast], parts: list[str], between: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenization, "PIECE_CHARACTERS", 20)
        patch.setattr(tokenization, "WORD_CHARACTERS", 4000)
        try:
            expect_places(pair, between.join(parts))
        except TextTooLongError:
            assert max(map(len, between.join(parts).split())) > 4000


@given(sentences=st.lists(texts, min_size=1, max_size=6), long_texts=st.sampled_from(["truncate", "window"]))
@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")
def test_any_text_has_the_same_bits_in_any_batch(
    encoder: SentenceEncoder, sentences: list[str], long_texts: str
) -> None:
    together = encoder.encode_tokens(sentences, long_texts=long_texts)
    for sentence, item in zip(sentences, together, strict=True):
        (alone,) = encoder.encode_tokens([sentence], long_texts=long_texts)
        assert np.array_equal(item.embeddings, alone.embeddings)
        assert len(item.embeddings) == len(item.offsets) == len(item.word_ids) == len(item.special)
        assert ((item.offsets >= 0) & (item.offsets <= len(sentence))).all()
        (words,) = encoder.encode_tokens([sentence], long_texts=long_texts, words=True)
        assert len(words) == item.word_ids.max() + 1
