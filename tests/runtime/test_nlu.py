"""NLU's call: the table of vectors for every kind of input."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from biobert_onnx import ArtifactError, SentenceEncoder, nlu
from tests.support.engines import each_engine
from tests.support.prompts import DEFAULT, PROMPTS

MODEL = "sent_biobert_pubmed_base_cased"
VECTOR = "sentence_embedding_biobert"
TWO = "I hate cancer. Antibiotics aren't painkiller."
SENTENCES = ["I hate cancer.", "Antibiotics aren't painkiller."]


@pytest.fixture(scope="module")
def pipeline(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> nlu.Pipeline:
    folder = tmp_path_factory.mktemp("models")
    (folder / MODEL).symlink_to(artifact)
    return nlu.load("en.embed_sentence.biobert.pubmed_base_cased", folder=folder, threads=2)


@each_engine
def test_the_engine_is_the_encoders(artifact: Path, engine: str) -> None:
    expected = SentenceEncoder(artifact, engine=engine).encode([TWO])
    table = nlu.load(artifact, engine=engine).predict(TWO, output_level="document")
    assert (table[table.columns[-1]].iloc[0] == expected[0]).all()


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
    assert list(table.columns) == ["sentence", VECTOR, "pmid", "year"]
    assert table.index.to_list() == ["a", "a", "a"]
    assert table["pmid"].to_list() == [7, 7, 8]
    pd.testing.assert_frame_equal(data, before)


def test_a_document_is_encoded_whole(pipeline: nlu.Pipeline, encoder: SentenceEncoder) -> None:
    table = pipeline.predict([TWO, "", "One."], output_level="document", positions=True)
    assert table["document"].to_list() == [TWO, "", "One."]
    assert table["document_end"].to_list() == [len(TWO) - 1, -1, 3]
    assert vectors(table) == encoder.encode([TWO, "", "One."]).tobytes()


def test_positions_are_inclusive_code_points(pipeline: nlu.Pipeline) -> None:
    text = "😀 Good. It fell."
    table = pipeline.predict(text, positions=True)
    spans = zip(table["sentence_begin"], table["sentence_end"], strict=True)
    assert [text[begin : end + 1] for begin, end in spans] == table["sentence"].to_list() == ["😀 Good.", "It fell."]


def test_metadata_numbers_the_sentences_of_each_text(pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict([TWO, TWO], metadata=True)
    assert table[f"{VECTOR}_origin_sentence"].to_list() == [0, 1, 0, 1]


def test_missing_and_blank_texts_have_no_sentences(pipeline: nlu.Pipeline) -> None:
    data = pd.DataFrame({"text": [None, "One.", float("nan"), pd.NA, " ", "Two."]}, dtype=object)
    assert pipeline.predict(data).index.to_list() == [1, 5]


def test_missing_texts_that_are_replaced_by_empty_ones_keep_their_row_as_documents(pipeline: nlu.Pipeline) -> None:
    data = pd.DataFrame({"text": ["One.", None, "Two."]}, index=["a", "b", "c"])
    data["text"] = data["text"].fillna("")
    assert pipeline.predict(data, "document").index.to_list() == ["a", "b", "c"]


def test_no_texts_give_an_empty_table(pipeline: nlu.Pipeline) -> None:
    table = pipeline.predict([], positions=True, metadata=True)
    assert len(table) == 0 and len(table.columns) == 5


def test_an_artifact_can_be_given_by_path(artifact: Path) -> None:
    table = nlu.load(artifact).predict("One.")
    assert list(table.columns) == ["sentence", f"sentence_embedding_{artifact.name.replace('-', '_')}"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (["fine", 7], "the text at index 1 is 7, of type int: every text must be a str or missing"),
        ([["a"]], r"the text at index 0 is \['a'\], of type list"),
        (np.array([["a"]]), "data is of type ndarray, expected a text"),
        (7, "data is of type int, expected a text"),
        (pd.DataFrame(), "data is of type DataFrame, expected a text"),
    ],
)
def test_data_that_holds_no_texts_is_refused(data: Any, reason: str, pipeline: nlu.Pipeline) -> None:
    with pytest.raises(TypeError, match=reason):
        pipeline.predict(data)


def test_an_unknown_output_level_is_refused(pipeline: nlu.Pipeline) -> None:
    with pytest.raises(ValueError, match="output_level is 'token', expected one of sentence, document"):
        pipeline.predict("x", output_level="token")


def test_a_column_with_the_name_of_a_new_one_is_refused(pipeline: nlu.Pipeline) -> None:
    with pytest.raises(ValueError, match="the data has a column 'sentence', the name of a new one"):
        pipeline.predict(pd.DataFrame({"text": ["x"], "sentence": [1]}))


def test_a_missing_model_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=f"make it with 'biobert-onnx export {MODEL} "):
        nlu.load("en.embed_sentence.biobert.pubmed_base_cased", folder=tmp_path)
