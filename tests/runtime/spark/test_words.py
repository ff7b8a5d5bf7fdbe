"""Tokens, their vectors and those of their sentences, in this process: places, numbers, metadata as Spark NLP's."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from pyspark.sql import DataFrame

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder, TruncationWarning
from biobert_onnx.spark import BertEmbeddings, SentenceEmbeddings, Tokenizer, TokenizerModel
from biobert_onnx.spark.annotations import (
    WORD_EMBEDDINGS,
    Annotation,
    Annotations,
    read_annotations,
    utf16_offsets,
    write_annotations,
)
from biobert_onnx.spark.bert_embeddings import embed_words
from tests.support.damage import copied

TEXT = "😀 I hate cancer. Aren't they (TNF-α)?"
"""Two sentences, the first of which holds a character of two UTF-16 units."""


NO_DATA = cast(DataFrame, None)
"""What `fit` gets: it reads no data."""


def sentences(*texts: str, of: str | None = None) -> list[Annotation]:
    """The sentences of one row; `of`: the text in which they lie, one of their own if None."""
    begins = [0 if of is None else utf16_offsets(of)[of.index(text)] for text in texts]
    return [
        Annotation(begin=begin, end=begin + utf16_offsets(text)[-1] - 1, result=text, metadata={"sentence": str(place)})
        for place, (begin, text) in enumerate(zip(begins, texts, strict=True))
    ]


@pytest.fixture
def rows() -> Annotations:
    """Three rows: two sentences, none, and one that is empty."""
    two = sentences("😀 I hate cancer.", "Aren't they (TNF-α)?", of=TEXT)
    return Annotations.without_vectors([two, [], sentences("")])


@pytest.fixture
def tokens(rows: Annotations) -> Annotations:
    return Tokenizer().setInputCols("sentence").fit(NO_DATA).annotator()(rows)


@pytest.fixture
def words(rows: Annotations, tokens: Annotations, artifact: Path) -> Annotations:
    return BertEmbeddings.load(str(artifact)).annotator()(rows, tokens)


def test_a_token_counts_utf16_units_from_the_start_of_its_document(tokens: Annotations) -> None:
    first = ["😀", "I", "hate", "cancer", "."]
    assert [token.result for token in tokens.flat] == [*first, "Aren't", "they", "(", "TNF-α", ")?"]
    units = TEXT.encode("utf-16-le")
    for token in tokens.flat:
        assert units[2 * token.begin : 2 * token.end + 2].decode("utf-16-le") == token.result
    assert [token.metadata for token in tokens.rows[0]] == [{"sentence": "0"}] * 5 + [{"sentence": "1"}] * 5
    assert tokens.rows[1:] == [[], []]


def test_a_sentence_without_a_number_has_that_of_its_place() -> None:
    row = [Annotation(begin=0, end=0, result=text, metadata={}) for text in "ab"]
    found = TokenizerModel().annotator()(Annotations.without_vectors([row]))
    assert [token.metadata["sentence"] for token in found.flat] == ["0", "1"]


def test_every_token_has_the_vector_of_its_first_piece_in_the_sentence_of_first_words(
    words: Annotations, tokens: Annotations, encoder: SentenceEncoder
) -> None:
    read = [["😀", "I", "hate", "cancer", "."], ["Aren", "they", "(", "TNF", ")"]]
    items = [encoder.encode_tokens([" ".join(each)], words=True, word_pooling="first")[0] for each in read]
    np.testing.assert_array_equal(words.vectors, np.concatenate([item.embeddings for item in items]))
    assert [(word.begin, word.end, word.result) for word in words.flat] == [
        (token.begin, token.end, token.result) for token in tokens.flat
    ]
    pieces = encoder._pipeline.tokenizer.token_ids(["hate"])
    assert words.rows[0][2].metadata == {
        "sentence": "0",
        "isOOV": "false",
        "isWordStart": "true",
        "pieceId": str(pieces[0][1]),
        "token": "hate",
    }


def test_with_whole_tokens_the_network_reads_the_sentence(
    rows: Annotations, tokens: Annotations, artifact: Path, encoder: SentenceEncoder
) -> None:
    words = BertEmbeddings.load(str(artifact)).setWholeTokens(True).annotator()(rows, tokens)
    texts = [sentence.result for sentence in rows.rows[0]]
    starts = [[0, 2, 4, 9, 15], [0, 7, 12, 13, 18]]
    for text, begins, vectors in zip(texts, starts, (words.vectors[:5], words.vectors[5:]), strict=True):
        (item,) = encoder.encode_tokens([text])
        found = [item.offsets[1:-1, 0].tolist().index(begin) + 1 for begin in begins]
        np.testing.assert_array_equal(vectors, item.embeddings[found])


def test_without_case_sensitivity_words_are_lower_case(rows: Annotations, tokens: Annotations, artifact: Path) -> None:
    encoder = BertEmbeddings.load(str(artifact)).encoder()
    words = embed_words(rows, tokens, encoder=encoder, case_sensitive=False, whole_tokens=False)
    assert [(word.result, word.metadata["token"]) for word in words.rows[0][5:7]] == [("aren't",) * 2, ("they",) * 2]


def test_tokens_that_the_network_does_not_read_have_no_annotation(artifact: Path) -> None:
    row = Annotations.without_vectors([sentences("a \u200b " + "b " * 140)])
    tokens = TokenizerModel().annotator()(row)
    stage = BertEmbeddings.load(str(artifact)).setMaxSentenceLength(128)
    with pytest.warns(TruncationWarning, match="1 of 1 texts"):
        words = stage.annotator()(row, tokens)
    assert [word.result for word in words.flat] == ["a", *["b"] * 125]  # with [CLS] and [SEP] they are 128
    assert len(words.vectors) == 126


def test_a_special_token_that_a_text_spells_is_a_bracket_and_a_word(artifact: Path) -> None:
    row = Annotations.without_vectors([sentences("a [SEP] [ b")])
    tokens = TokenizerModel().annotator()(row)
    for whole in (False, True):
        words = BertEmbeddings.load(str(artifact)).setWholeTokens(whole).annotator()(row, tokens)
        pieces = [word.metadata["pieceId"] for word in words.flat]
        assert len(pieces) == 4 and pieces[1] == pieces[2]


@pytest.mark.parametrize("strategy", ["AVERAGE", "SUM", "sum"])
def test_a_sentence_has_the_average_or_sum_of_its_words(rows: Annotations, words: Annotations, strategy: str) -> None:
    found = SentenceEmbeddings().setPoolingStrategy(strategy).annotator()(rows, words)
    sums = np.stack([words.vectors[:5].sum(axis=0), words.vectors[5:].sum(axis=0)])
    np.testing.assert_allclose(found.vectors[:2], sums / 5 if strategy == "AVERAGE" else sums, rtol=1e-5, atol=1e-6)
    assert [sentence.result for sentence in found.flat] == [sentence.result for sentence in rows.flat]
    assert found.rows[0][1].metadata == {
        "sentence": "1",
        "token": "Aren't they (TNF-α)?",
        "pieceId": "-1",
        "isWordStart": "true",
    }


def test_a_sentence_without_words_has_no_vector(rows: Annotations, words: Annotations) -> None:
    found = SentenceEmbeddings().annotator()(rows, words)
    assert found.missing == {2}
    column = write_annotations(found, WORD_EMBEDDINGS)
    assert [[len(item["embeddings"]) for item in row] for row in column.to_pylist()] == [
        [words.vectors.shape[1]] * 2,
        [],
        [0],
    ]
    again = read_annotations(column, WORD_EMBEDDINGS)
    assert again.missing == {2} and np.array_equal(again.vectors[:2], found.vectors[:2])


def test_words_of_two_documents_in_a_row_are_kept_apart() -> None:
    row = sentences("a", "b")  # both begin at 0, as the texts of an array do
    words = [Annotation(begin=0, end=0, result=each.result, metadata=each.metadata) for each in row]
    given = Annotations(rows=[words], vectors=np.array([[1.0], [2.0]], dtype=np.float32))
    found = SentenceEmbeddings().annotator()(Annotations.without_vectors([row]), given)
    assert found.vectors.tolist() == [[1.0], [2.0]]


def test_an_artifact_without_vectors_of_tokens_is_refused(artifact: Path, tmp_path: Path) -> None:
    folder = copied(artifact, tmp_path / "cls")
    replace(Manifest.read(folder), token_layers=[], token_dim=0, pooling="cls").write(folder)
    with pytest.raises(ArtifactError, match=r"as its pooling, cls, reads \[CLS\] alone: export it again with"):
        BertEmbeddings.load(str(folder)).setEngine("onnxruntime").annotator()


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("setContextChars", ".,", TypeError, r"contextChars is '\.,': Could not convert"),
        ("setContextChars", ["ab"], ValueError, "contextChars has 'ab', expected one character each"),
        ("addContextChars", "ab", ValueError, "contextChars has 'ab'"),
        ("addSplitChars", "--", ValueError, "splitChars has '--'"),
        ("addInfixPattern", "a", ValueError, "infixPatterns has 'a', expected groups"),
        ("addException", "(", ValueError, r"exceptions is '\(', expected a regular expression"),
        ("setSplitPattern", 3, TypeError, "splitPattern is 3"),
        ("setMinLength", -1, ValueError, "minLength is -1, expected 0 or more"),
        ("setMaxLength", "x", TypeError, "maxLength is 'x'"),
    ],
)
def test_a_wrong_value_is_refused_when_it_is_set(
    name: str, value: object, error: type[Exception], message: str
) -> None:
    tokenizer = Tokenizer()
    before = tokenizer.rules()
    with pytest.raises(error, match=message):
        getattr(tokenizer, name)(value)
    assert tokenizer.rules() == before


def test_lengths_that_contradict_each_other_are_refused_by_fit() -> None:
    with pytest.raises(ValueError, match="maxLength is 3, expected minLength, 5, or more"):
        Tokenizer().setMinLength(5).setMaxLength(3).fit(NO_DATA)


def test_what_is_added_joins_the_values_that_hold() -> None:
    tokenizer = Tokenizer().addContextChars("#").addSplitChars("/").addSplitChars("+")
    tokenizer.addException("e#").addException("f").addInfixPattern("(b)").addInfixPattern("(a)")
    assert tokenizer.getContextChars()[-2:] == ["'", "#"] and Tokenizer().getContextChars()[-1] == "'"
    assert (tokenizer.getSplitChars(), tokenizer.getExceptions()) == (["/", "+"], ["e#", "f"])
    assert tokenizer.getInfixPatterns() == ["(a)", "(b)"]
    model = tokenizer.setInputCols("sentence").fit(NO_DATA)
    assert model.rules() == tokenizer.rules() and model.getInputCols() == ["sentence"]


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (
            lambda: SentenceEmbeddings().setPoolingStrategy("MAX"),
            "poolingStrategy is 'MAX', expected one of AVERAGE, SUM",
        ),
        (lambda: SentenceEmbeddings().setInputCols("sentence"), "SentenceEmbeddings reads one column of document"),
        (lambda: BertEmbeddings().annotator(), "BertEmbeddings has no artifact"),
        (lambda: Tokenizer().setExceptionsPath("x", "BINARY"), "read_as is 'BINARY', expected one of TEXT, SPARK"),
        (lambda: Tokenizer().setExceptionsPath("x", options={"format": "csv"}), "expected the format 'text'"),
    ],
)
def test_other_mistakes_are_named(stage: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stage()
