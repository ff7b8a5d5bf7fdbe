"""NLU's columns: texts, positions and metadata at each level."""

import numpy as np
import pandas as pd
import pytest

from biobert_onnx import SentenceEncoder, nlu

SENTENCE_VECTOR = "sentence_embedding_biobert"
WORD_VECTOR = "word_embedding_biobert"
TWO = "I hate cancer. Antibiotics aren't painkiller."
SENTENCES = ["I hate cancer.", "Antibiotics aren't painkiller."]
WIDE = "😀 Good. It fell."
"""Its first character is two UTF-16 units."""

PLACES = {
    "document": ["document"],
    "sentence": ["document", "sentence"],
    "token": ["document", "sentence", "token"],
}
"""What positions are told of at each level, besides those of the vector."""


def spans(table: pd.DataFrame, name: str) -> list[tuple[int, int]]:
    return [*zip(table[f"{name}_begin"], table[f"{name}_end"], strict=True)]


@pytest.mark.parametrize("level", ["document", "sentence", "token"])
def test_positions_are_told_of_the_rows_text_of_what_it_lies_in_and_of_the_vector(
    level: str, pipeline: nlu.Pipeline
) -> None:
    table = pipeline.predict(TWO, level, positions=True)
    vector = WORD_VECTOR if level == "token" else SENTENCE_VECTOR
    names = [f"{name}_{end}" for name in PLACES[level] for end in ("begin", "end")]
    assert list(table.columns) == [level, *names, vector, f"{vector}_begin", f"{vector}_end"]
    assert spans(table, vector) == spans(table, level)


@pytest.mark.parametrize("level", ["document", "sentence", "token"])
def test_positions_are_inclusive_code_points_of_the_document(level: str, pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict([WIDE], level, positions=True)
    assert [WIDE[begin : end + 1] for begin, end in spans(table, level)] == table[level].to_list()
    assert set(spans(table, "document")) == {(0, len(WIDE) - 1)}


def test_metadata_of_sentences_has_nlus_names(pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict(pd.Series([TWO, TWO], index=["a", "b"]), metadata=True)
    assert list(table.columns) == [
        "document",
        "sentence",
        SENTENCE_VECTOR,
        "origin_index",
        f"{SENTENCE_VECTOR}_origin_sentence",
        f"{SENTENCE_VECTOR}_is_word_start",
        f"{SENTENCE_VECTOR}_piece_id",
    ]
    assert table["document"].to_list() == [TWO] * 4
    assert table["origin_index"].to_list() == table.index.to_list() == ["a", "a", "b", "b"]
    assert table[f"{SENTENCE_VECTOR}_origin_sentence"].to_list() == [0, 1, 0, 1]
    assert set(table[f"{SENTENCE_VECTOR}_is_word_start"]) == {"true"}
    assert set(table[f"{SENTENCE_VECTOR}_piece_id"]) == {"-1"}


@pytest.mark.parametrize(("level", "other"), [("document", []), ("sentence", ["document"])])
def test_irrelevant_columns_are_those_of_other_levels_and_the_index(
    level: str, other: list[str], pipeline: nlu.Pipeline
) -> None:
    table = pipeline.predict(TWO, level, drop_irrelevant_cols=False)
    assert list(table.columns) == [*other, level, SENTENCE_VECTOR, "origin_index"]


@pytest.mark.parametrize("level", ["document", "sentence", "token"])
def test_without_embeddings_there_is_no_column_of_them(level: str, pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict(TWO, level, positions=True, metadata=True, get_embeddings=False)
    assert not [name for name in table.columns if "embedding" in name]
    assert table[level].to_list() == pipeline.predict(TWO, level)[level].to_list()


def test_threads_are_not_a_matter_of_multithread(pipeline: nlu.Pipeline) -> None:
    pd.testing.assert_frame_equal(pipeline.predict(TWO, multithread=False), pipeline.predict(TWO))


def test_a_token_is_a_word_with_the_vector_of_its_first_piece(pipeline: nlu.Pipeline, encoder: SentenceEncoder) -> None:
    table = pipeline.predict([TWO, "One."], "token")
    words = encoder.encode_tokens([*SENTENCES, "One."], words=True, word_pooling="first")
    assert list(table.columns) == ["token", WORD_VECTOR]
    assert table["token"].to_list()[:4] == ["I", "hate", "cancer", "."]
    assert np.array_equal(np.stack(table[WORD_VECTOR]), np.concatenate([item.embeddings for item in words]))
    assert table.index.to_list() == [0] * (len(words[0]) + len(words[1])) + [1] * len(words[2])


def test_metadata_of_tokens_has_the_texts_that_they_lie_in(pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict(TWO, "token", metadata=True)
    assert table[["document", "sentence", "token"]].iloc[-1].to_list() == [TWO, SENTENCES[1], "."]
    assert table[f"{WORD_VECTOR}_origin_sentence"].iloc[[0, -1]].to_list() == [0, 1]


def test_a_document_may_have_the_vectors_of_its_sentences(pipeline: nlu.Pipeline, encoder: SentenceEncoder) -> None:
    table = pipeline.predict([TWO, " ", None, "One."], "document", sentence_vectors=True)
    arrays = table[SENTENCE_VECTOR].to_list()
    assert [array.shape for array in arrays] == [(2, encoder.dim), (0, encoder.dim), (1, encoder.dim)]
    assert np.array_equal(np.concatenate(arrays), encoder.encode([*SENTENCES, "One."]))
    assert len(pipeline.predict([], "document", sentence_vectors=True)) == 0


def test_vectors_of_sentences_go_with_documents_only(pipeline: nlu.Pipeline) -> None:
    with pytest.raises(ValueError, match="sentence_vectors is True and output_level is 'sentence': it goes with 'docu"):
        pipeline.predict(TWO, sentence_vectors=True)


@pytest.mark.parametrize("name", ["positions", "metadata", "multithread", "get_embeddings", "return_spark_df"])
def test_a_flag_that_is_no_bool_is_refused(name: str, pipeline: nlu.Pipeline) -> None:
    with pytest.raises(TypeError, match=f"{name} is 'yes', expected True or False"):
        pipeline.predict(TWO, **{name: "yes"})  # type: ignore[arg-type]


def test_arguments_may_be_given_in_nlus_order(pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict(pd.DataFrame({"text": [TWO], "year": [2020]}), "document", "", True, False)
    assert list(table.columns)[:3] == ["document", "document_begin", "document_end"]
    assert list(table.columns)[-1] == "text"
