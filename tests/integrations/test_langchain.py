"""LangChain's Embeddings and vector store."""

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import SentenceEncoder, similarity
from tests.integrations.examples import QUERY, example, run
from tests.support.engines import each_engine
from tests.support.texts import TEXTS

pytest.importorskip("langchain_core", reason="needs the extra 'interop'")

from biobert_onnx.integrations.langchain import BiobertOnnxEmbeddings

pytestmark = pytest.mark.filterwarnings("ignore")  # LangChain's own


@pytest.fixture
def embeddings(artifact: Path) -> BiobertOnnxEmbeddings:
    return BiobertOnnxEmbeddings(artifact)


def test_its_vectors_are_the_encoders(embeddings: BiobertOnnxEmbeddings, encoder: SentenceEncoder) -> None:
    assert embeddings.embed_documents(list(TEXTS)) == encoder.encode(TEXTS).tolist()
    assert embeddings.embed_query(TEXTS[0]) == encoder.encode(TEXTS)[0].tolist()
    assert embeddings.embed_documents([]) == []


def test_its_options_are_the_encoders(artifact: Path) -> None:
    options: dict[str, Any] = {"normalize_embeddings": True, "truncate_dim": 8, "long_texts": "window"}
    found = BiobertOnnxEmbeddings(artifact, max_length=16, threads=1, **options).embed_documents(list(TEXTS))
    assert found == SentenceEncoder(artifact, max_length=16).encode(TEXTS, **options).tolist()


def test_asynchronous_calls_give_the_same(embeddings: BiobertOnnxEmbeddings) -> None:
    assert asyncio.run(embeddings.aembed_documents(list(TEXTS))) == embeddings.embed_documents(list(TEXTS))
    assert asyncio.run(embeddings.aembed_query(TEXTS[0])) == embeddings.embed_query(TEXTS[0])


def test_queries_and_documents_have_their_prompts(prompted_artifact: Path, prompted: SentenceEncoder) -> None:
    embeddings = BiobertOnnxEmbeddings(prompted_artifact)
    documents, query = prompted.encode_document(TEXTS).tolist(), prompted.encode_query(TEXTS)[0].tolist()
    assert embeddings.embed_documents(list(TEXTS)) == documents
    assert embeddings.embed_query(TEXTS[0]) == query
    assert asyncio.run(embeddings.aembed_documents(list(TEXTS))) == documents
    assert asyncio.run(embeddings.aembed_query(TEXTS[0])) == query
    assert documents[0] != query


def test_it_pickles(embeddings: BiobertOnnxEmbeddings) -> None:
    assert pickle.loads(pickle.dumps(embeddings)).embed_query(TEXTS[0]) == embeddings.embed_query(TEXTS[0])


def test_the_example_finds_the_nearest_neighbour(subject: SentenceEncoder) -> None:
    names = run(example("frameworks.md", "LangChain", "python"), texts=TEXTS)
    cosines = similarity(subject.encode([QUERY]), subject.encode(TEXTS))[0]
    assert names["neighbour"].page_content == TEXTS[cosines.argmax()]


@each_engine
def test_its_engine_is_the_encoders(artifact: Path, engine: str) -> None:
    expected = SentenceEncoder(artifact, engine=engine).encode(TEXTS[:1])
    assert BiobertOnnxEmbeddings(artifact, engine=engine).embed_query(TEXTS[0]) == expected[0].tolist()


def test_special_tokens_in_texts_are_plain_text_when_asked_for(artifact: Path) -> None:
    text = "gene [SEP] protein"
    expected = SentenceEncoder(artifact, literal_special_tokens=True).encode([text])
    assert BiobertOnnxEmbeddings(artifact, literal_special_tokens=True).embed_query(text) == expected[0].tolist()
