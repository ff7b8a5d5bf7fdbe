"""NLU's call: the table of vectors for every kind of input."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from biobert_onnx import SentenceEncoder, nlu
from tests.support.prompts import DEFAULT, PROMPTS

VECTOR = "sentence_embedding_biobert"
TWO = "I hate cancer. Antibiotics aren't painkiller."
SENTENCES = ["I hate cancer.", "Antibiotics aren't painkiller."]


def vectors(table: pd.DataFrame) -> bytes:
    return np.stack(table[VECTOR].to_list()).tobytes()


@pytest.mark.parametrize(
    "data",
    [
        TWO,
        [TWO],
        (TWO,),
        np.array([TWO]),
        pd.Series([TWO]),
        pd.DataFrame({"text": [TWO]}),
        pd.DataFrame({"abstract": [TWO]}),
    ],
    ids=["str", "list", "tuple", "array", "series", "text column", "first column"],
)
def test_every_kind_of_data_gives_one_row_a_sentence(
    data: Any, pipeline: nlu.Pipeline, encoder: SentenceEncoder
) -> None:
    table = pipeline.predict(data)
    assert table["sentence"].to_list() == SENTENCES
    assert table.index.to_list() == [0, 0]
    assert vectors(table) == encoder.encode(SENTENCES).tobytes()


def test_the_default_prompt_is_put_before_each_text(prompted_artifact: Path, encoder: SentenceEncoder) -> None:
    table = nlu.load(prompted_artifact).predict(TWO)
    expected = encoder.encode([PROMPTS[DEFAULT] + sentence for sentence in SENTENCES])
    assert table["sentence"].to_list() == SENTENCES
    assert np.array_equal(np.stack(table["sentence_embedding_prompted"].to_list()), expected)


def test_the_index_and_the_other_columns_are_repeated_for_each_sentence(pipeline: nlu.Pipeline) -> None:
    data = pd.DataFrame({"pmid": [7, 8], "text": [TWO, "One."], "year": [2019, 2020]}, index=["a", "a"])
    before = data.copy(deep=True)
    table = pipeline.predict(data)
    assert list(table.columns) == ["sentence", VECTOR, "pmid", "text", "year"]
    assert table.index.to_list() == ["a", "a", "a"]
    assert table["pmid"].to_list() == [7, 7, 8]
    assert table["text"].to_list() == [TWO, TWO, "One."]
    pd.testing.assert_frame_equal(data, before)


def test_only_the_texts_are_kept_of_a_frame_without_stranger_features(pipeline: nlu.Pipeline) -> None:
    data = pd.DataFrame({"pmid": [7], "text": [TWO]}, index=["a"])
    table = pipeline.predict(data, keep_stranger_features=False)
    assert list(table.columns) == ["sentence", VECTOR, "text"]
    assert table.index.to_list() == ["a", "a"]


@pytest.mark.parametrize("keep", [True, False])
def test_a_first_column_of_another_name_is_kept_under_it(keep: bool, pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict(pd.DataFrame({"abstract": [TWO]}), keep_stranger_features=keep)
    assert list(table.columns) == ["sentence", VECTOR, "abstract"]
    assert table["abstract"].to_list() == [TWO, TWO]


@pytest.mark.parametrize("level", ["sentence", "document"])
def test_a_first_column_that_has_the_name_of_a_new_one_is_shown_as_text(level: str, pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict(pd.DataFrame({level: ["One."], "year": [2020]}), level)
    assert list(table.columns) == [level, VECTOR, "text", "year"]


@pytest.mark.parametrize("data", [TWO, [TWO], np.array([TWO]), pd.Series([TWO], name="text")])
def test_there_is_no_column_of_texts_where_no_frame_was_given(data: Any, pipeline: nlu.Pipeline) -> None:
    assert list(pipeline.predict(data).columns) == ["sentence", VECTOR]


def test_the_index_of_a_series_is_kept(pipeline: nlu.Pipeline) -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    assert pipeline.predict(pd.Series([TWO, "One."], index=index)).index.to_list() == [("a", 1), ("a", 1), ("b", 2)]


def test_a_document_is_encoded_whole(pipeline: nlu.Pipeline, encoder: SentenceEncoder) -> None:
    table = pipeline.predict([TWO, "", "One."], output_level="document", positions=True)
    assert table["document"].to_list() == [TWO, "", "One."]
    assert table["document_end"].to_list() == [len(TWO) - 1, -1, 3]
    assert vectors(table) == encoder.encode([TWO, "", "One."]).tobytes()


def test_missing_and_blank_texts_have_no_sentences(pipeline: nlu.Pipeline) -> None:
    data = pd.DataFrame({"text": [None, "One.", float("nan"), pd.NA, " ", "Two."]}, dtype=object)
    assert pipeline.predict(data).index.to_list() == [1, 5]


def test_missing_texts_that_are_replaced_by_empty_ones_keep_their_row_as_documents(pipeline: nlu.Pipeline) -> None:
    data = pd.DataFrame({"text": ["One.", None, "Two."]}, index=["a", "b", "c"])
    data["text"] = data["text"].fillna("")
    assert pipeline.predict(data, "document").index.to_list() == ["a", "b", "c"]


@pytest.mark.parametrize("level", ["sentence", "document", "token"])
def test_no_texts_give_an_empty_table_with_all_columns(level: str, pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict([], level, positions=True, metadata=True)
    assert len(table) == 0 and list(table.columns) == list(pipeline.predict("One.", level, "", True, True, True))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (["fine", 7], "the text at index 1 is 7, of type int: every text must be a str or missing"),
        ([["a"]], r"the text at index 0 is \['a'\], of type list"),
        (np.array([["a"]]), "data is of type ndarray and 2 dimensions, expected a text"),
        (np.array("a"), "data is of type ndarray and 0 dimensions, expected a text"),
        (np.array([1.5]), "the text at index 0 is 1.5, of type float"),
        (7, "data is of type int, expected a text"),
        (None, "data is of type NoneType, expected a text"),
        ({"text": ["a"]}, "data is of type dict, expected a text"),
        ((text for text in "a"), "data is of type generator, expected a text"),
        (pd.DataFrame(), "data is a DataFrame without columns, expected a column of texts"),
        (pd.DataFrame({"text": [b"a"]}), "the text at index 0 is b'a', of type bytes"),
        (pd.DataFrame({"year": [2020]}), "the text at index 0 is 2020, of type int"),
    ],
)
def test_data_that_holds_no_texts_is_refused(data: Any, reason: str, pipeline: nlu.Pipeline) -> None:
    with pytest.raises(TypeError, match=reason):
        pipeline.predict(data)


def test_an_unknown_output_level_is_refused(pipeline: nlu.Pipeline) -> None:
    with pytest.raises(ValueError, match="output_level is 'chunk', expected one of document, sentence, token"):
        pipeline.predict("x", output_level="chunk")


@pytest.mark.parametrize("name", ["sentence", VECTOR])
def test_a_column_with_the_name_of_a_new_one_is_refused_unless_it_is_left_out(
    name: str, pipeline: nlu.Pipeline
) -> None:
    data = pd.DataFrame({"text": ["x"], name: [1]})
    with pytest.raises(ValueError, match=f"the data has a column '{name}', the name of a new one: rename it, or leave"):
        pipeline.predict(data)
    assert pipeline.predict(data, keep_stranger_features=False)["sentence"].to_list() == ["x"]


def test_two_columns_of_texts_are_refused(pipeline: nlu.Pipeline) -> None:
    with pytest.raises(ValueError, match="the data has 2 columns 'text', expected one: rename the others"):
        pipeline.predict(pd.DataFrame([["a", "b"]], columns=["text", "text"]))


def test_other_columns_of_one_name_are_both_kept(pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict(pd.DataFrame([["a", 1, 2]], columns=["text", "year", "year"]))
    assert list(table.columns) == ["sentence", VECTOR, "text", "year", "year"]
    assert table["year"].to_numpy().tolist() == [[1, 2]]


def test_a_frame_without_rows_keeps_its_columns(pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict(pd.DataFrame({"text": [], "year": []}))
    assert len(table) == 0 and list(table.columns) == ["sentence", VECTOR, "text", "year"]


def test_a_long_text_is_split_into_all_its_sentences(pipeline: nlu.Pipeline) -> None:
    assert len(pipeline.predict(" ".join([TWO] * 2000))) == 4000
