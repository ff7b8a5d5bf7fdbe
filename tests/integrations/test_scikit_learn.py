"""The transformer in scikit-learn's own machinery."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from tests.integrations.examples import example, run
from tests.support.engines import each_engine
from tests.support.texts import TEXTS

pytest.importorskip("sklearn", reason="needs the extra 'interop'")

from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from biobert_onnx.integrations.scikit_learn import BiobertOnnxVectorizer

LABELS = [len(text) > 40 for text in TEXTS]


@pytest.fixture
def vectorizer(artifact: Path) -> BiobertOnnxVectorizer:
    return BiobertOnnxVectorizer(artifact)


@pytest.mark.parametrize("collect", [list, tuple, np.array, lambda texts: np.array(texts, dtype=object)])
def test_its_vectors_are_the_encoders(
    vectorizer: BiobertOnnxVectorizer, encoder: SentenceEncoder, collect: Any
) -> None:
    assert (vectorizer.fit_transform(collect(TEXTS)) == encoder.encode(TEXTS)).all()


def test_its_parameters_are_the_encoders(artifact: Path, encoder: SentenceEncoder) -> None:
    options: dict[str, Any] = {"normalize_embeddings": True, "truncate_dim": 8, "long_texts": "window"}
    found = BiobertOnnxVectorizer(artifact, max_length=16, threads=1, **options).fit_transform(TEXTS)
    assert (found == SentenceEncoder(artifact, max_length=16).encode(TEXTS, **options)).all()


@pytest.mark.parametrize("options", [{}, {"prompt": "gene: "}, {"prompt": ""}, {"prompt_name": "query"}])
def test_its_prompt_is_the_encoders(
    prompted_artifact: Path, prompted: SentenceEncoder, options: dict[str, Any]
) -> None:
    vectorizer = clone(BiobertOnnxVectorizer(prompted_artifact, **options))
    assert (vectorizer.fit_transform(TEXTS) == prompted.encode(TEXTS, **options)).all()
    assert {name: vectorizer.get_params()[name] for name in ("prompt", "prompt_name")} == {
        "prompt": None,
        "prompt_name": None,
    } | options


def test_a_prompt_can_be_searched_for(prompted_artifact: Path) -> None:
    steps = [("vectors", BiobertOnnxVectorizer(prompted_artifact)), ("classifier", LogisticRegression())]
    search = GridSearchCV(Pipeline(steps), {"vectors__prompt": ["", "gene: "]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_params_["vectors__prompt"] in {"", "gene: "}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_its_repr_is_that_of_scikit_learn() -> None:
    assert repr(BiobertOnnxVectorizer("folder", prompt="gene: ")) == (
        "BiobertOnnxVectorizer(path='folder', prompt='gene: ')"
    )


def test_the_example_classifies_what_it_was_fitted_on(subject: SentenceEncoder) -> None:
    names = run(example("frameworks.md", "scikit-learn", "python"), texts=TEXTS, labels=LABELS)
    assert names["predicted"].tolist() == LABELS


def test_a_clone_has_the_parameters_and_no_encoder(vectorizer: BiobertOnnxVectorizer) -> None:
    vectorizer.set_params(truncate_dim=8).fit(TEXTS)
    copy = clone(vectorizer)
    assert copy.get_params() == vectorizer.get_params()
    assert not hasattr(copy, "encoder_")


def test_a_fitted_pipeline_pickles(vectorizer: BiobertOnnxVectorizer) -> None:
    pipeline = Pipeline([("vectors", vectorizer), ("classifier", LogisticRegression())]).fit(TEXTS, LABELS)
    copy = pickle.loads(pickle.dumps(pipeline))
    assert (copy.predict_proba(TEXTS) == pipeline.predict_proba(TEXTS)).all()


def test_a_search_sets_its_parameters(vectorizer: BiobertOnnxVectorizer) -> None:
    pipeline = Pipeline([("vectors", vectorizer), ("classifier", LogisticRegression())])
    search = GridSearchCV(pipeline, {"vectors__truncate_dim": [2, None]}, cv=2, error_score="raise")
    assert search.fit(TEXTS, LABELS).best_params_["vectors__truncate_dim"] in (2, None)
    assert len(search.cv_results_["params"]) == 2


def test_it_takes_one_column_of_a_table(vectorizer: BiobertOnnxVectorizer, encoder: SentenceEncoder) -> None:
    table = np.array([[text, len(text)] for text in TEXTS], dtype=object)
    columns = ColumnTransformer([("text", vectorizer, 0), ("length", "passthrough", [1])])
    assert (columns.fit_transform(table)[:, : encoder.dim] == encoder.encode(TEXTS)).all()


@pytest.mark.parametrize("dim", [None, 8])
def test_each_number_of_a_vector_has_a_name(
    vectorizer: BiobertOnnxVectorizer, encoder: SentenceEncoder, dim: int | None
) -> None:
    names = vectorizer.set_params(truncate_dim=dim).fit(TEXTS).get_feature_names_out()
    assert names.tolist() == [f"biobertonnxvectorizer{index}" for index in range(dim or encoder.dim)]


def test_a_table_is_refused(vectorizer: BiobertOnnxVectorizer) -> None:
    with pytest.raises(ValueError, match=r"X has shape \(12, 1\), expected \(n,\), texts: pass one column"):
        vectorizer.fit_transform(np.array(TEXTS).reshape(-1, 1))


def test_transforming_needs_fitting(vectorizer: BiobertOnnxVectorizer) -> None:
    with pytest.raises(NotFittedError):
        vectorizer.transform(TEXTS)


@each_engine
def test_its_engine_is_the_encoders(artifact: Path, engine: str) -> None:
    expected = SentenceEncoder(artifact, engine=engine).encode(TEXTS[:1])
    assert (BiobertOnnxVectorizer(artifact, engine=engine).fit_transform(TEXTS[:1]) == expected).all()


def test_special_tokens_in_texts_are_plain_text_when_asked_for(artifact: Path) -> None:
    text = "gene [SEP] protein"
    expected = SentenceEncoder(artifact, literal_special_tokens=True).encode([text])
    assert (BiobertOnnxVectorizer(artifact, literal_special_tokens=True).fit_transform([text]) == expected).all()
