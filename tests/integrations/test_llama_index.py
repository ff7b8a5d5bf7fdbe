"""LlamaIndex' BaseEmbedding and vector index."""

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import SentenceEncoder, similarity
from tests.integrations.examples import QUERY, example, run
from tests.support.engines import each_engine
from tests.support.texts import TEXTS

pytest.importorskip("llama_index.core", reason="needs the extra 'interop'")

from biobert_onnx.integrations.llama_index import BiobertOnnxEmbedding

pytestmark = pytest.mark.filterwarnings("ignore")  # LlamaIndex' own


@pytest.fixture
def embedding(artifact: Path) -> BiobertOnnxEmbedding:
    return BiobertOnnxEmbedding(path=str(artifact))


def test_its_vectors_are_the_encoders(embedding: BiobertOnnxEmbedding, encoder: SentenceEncoder) -> None:
    expected = encoder.encode(TEXTS).tolist()
    assert embedding.get_text_embedding_batch(list(TEXTS)) == expected
    assert embedding.get_text_embedding(TEXTS[0]) == expected[0]
    assert embedding.get_query_embedding(TEXTS[0]) == expected[0]


def test_asynchronous_calls_give_the_same(embedding: BiobertOnnxEmbedding, encoder: SentenceEncoder) -> None:
    expected = encoder.encode(TEXTS).tolist()
    assert asyncio.run(embedding.aget_text_embedding_batch(list(TEXTS))) == expected
    assert asyncio.run(embedding.aget_text_embedding(TEXTS[0])) == expected[0]
    assert asyncio.run(embedding.aget_query_embedding(TEXTS[0])) == expected[0]


def test_queries_and_nodes_have_their_prompts(prompted_artifact: Path, prompted: SentenceEncoder) -> None:
    embedding = BiobertOnnxEmbedding(path=str(prompted_artifact))
    nodes, query = prompted.encode_document(TEXTS).tolist(), prompted.encode_query(TEXTS)[0].tolist()
    assert embedding.get_text_embedding_batch(list(TEXTS)) == nodes
    assert embedding.get_text_embedding(TEXTS[0]) == nodes[0]
    assert embedding.get_query_embedding(TEXTS[0]) == query
    assert asyncio.run(embedding.aget_text_embedding_batch(list(TEXTS))) == nodes
    assert asyncio.run(embedding.aget_text_embedding(TEXTS[0])) == nodes[0]
    assert asyncio.run(embedding.aget_query_embedding(TEXTS[0])) == query
    assert nodes[0] != query


def test_its_fields_are_the_encoders_options(artifact: Path) -> None:
    options: dict[str, Any] = {"normalize_embeddings": True, "truncate_dim": 8, "long_texts": "window"}
    embedding = BiobertOnnxEmbedding(path=str(artifact), max_length=16, threads=1, **options)
    expected = SentenceEncoder(artifact, max_length=16).encode(TEXTS, **options).tolist()
    assert embedding.get_text_embedding_batch(list(TEXTS)) == expected


def test_it_comes_back_from_json_and_from_a_pickle(artifact: Path) -> None:
    embedding = BiobertOnnxEmbedding(path=str(artifact), truncate_dim=8, embed_batch_size=5)
    for copy in (BiobertOnnxEmbedding.from_json(embedding.to_json()), pickle.loads(pickle.dumps(embedding))):
        assert copy.to_dict() == embedding.to_dict()
        assert copy.get_text_embedding(TEXTS[0]) == embedding.get_text_embedding(TEXTS[0])


def test_it_has_the_manifests_name_unless_another_is_given(artifact: Path, encoder: SentenceEncoder) -> None:
    assert BiobertOnnxEmbedding(path=str(artifact)).model_name == encoder.manifest.name
    assert BiobertOnnxEmbedding(path=str(artifact), model_name="mine").model_name == "mine"


def test_a_folder_without_an_artifact_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no manifest\.json"):
        BiobertOnnxEmbedding(path=str(tmp_path))


def test_the_example_finds_the_nearest_neighbour(subject: SentenceEncoder) -> None:
    names = run(example("frameworks.md", "LlamaIndex", "python"), texts=[text for text in TEXTS if text])
    cosines = similarity(subject.encode([QUERY]), subject.encode(TEXTS))[0]
    assert names["neighbour"].text == TEXTS[cosines.argmax()]


@each_engine
def test_its_engine_is_the_encoders(artifact: Path, engine: str) -> None:
    expected = SentenceEncoder(artifact, engine=engine).encode(TEXTS[:1])
    assert BiobertOnnxEmbedding(path=str(artifact), engine=engine).get_query_embedding(TEXTS[0]) == expected[0].tolist()


def test_special_tokens_in_texts_are_plain_text_when_asked_for(artifact: Path) -> None:
    text = "gene [SEP] protein"
    expected = SentenceEncoder(artifact, literal_special_tokens=True).encode([text])
    assert (
        BiobertOnnxEmbedding(path=str(artifact), literal_special_tokens=True).get_query_embedding(text)
        == expected[0].tolist()
    )
