"""Haystack's embedders, in a pipeline too."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import ArtifactError, SentenceEncoder, similarity
from tests.integrations.examples import QUERY, example, run
from tests.support.engines import each_engine
from tests.support.texts import TEXTS

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # read when haystack is imported

pytest.importorskip("haystack", reason="needs the extra 'interop'")

from haystack import Document, Pipeline

from biobert_onnx.integrations.haystack import BiobertOnnxDocumentEmbedder, BiobertOnnxTextEmbedder

pytestmark = pytest.mark.filterwarnings("ignore")  # Haystack's own

OPTIONS: dict[str, Any] = {"normalize_embeddings": True, "truncate_dim": 8, "long_texts": "window"}


def test_a_texts_vector_is_the_encoders(artifact: Path, encoder: SentenceEncoder) -> None:
    found = BiobertOnnxTextEmbedder(artifact).run(TEXTS[0])
    assert found == {"embedding": encoder.encode(TEXTS)[0].tolist()}


def test_documents_get_the_encoders_vectors_and_stay_as_they_were(artifact: Path, encoder: SentenceEncoder) -> None:
    documents = [Document(content=text, meta={"row": row}) for row, text in enumerate(TEXTS)]
    found = BiobertOnnxDocumentEmbedder(artifact).run(documents)["documents"]
    assert [document.embedding for document in found] == encoder.encode(TEXTS).tolist()
    assert [(document.id, document.content, document.meta) for document in found] == [
        (document.id, document.content, document.meta) for document in documents
    ]
    assert all(document.embedding is None for document in documents)


def test_its_options_are_the_encoders(artifact: Path) -> None:
    expected = SentenceEncoder(artifact, max_length=16).encode(TEXTS, **OPTIONS).tolist()
    documents = [Document(content=text) for text in TEXTS]
    of_documents = BiobertOnnxDocumentEmbedder(artifact, max_length=16, threads=1, **OPTIONS).run(documents)
    assert [document.embedding for document in of_documents["documents"]] == expected
    assert BiobertOnnxTextEmbedder(artifact, max_length=16, **OPTIONS).run(TEXTS[7])["embedding"] == expected[7]


def test_texts_are_queries_and_documents_have_their_own_prompt(
    prompted_artifact: Path, prompted: SentenceEncoder
) -> None:
    text, embedder = BiobertOnnxTextEmbedder(prompted_artifact), BiobertOnnxDocumentEmbedder(prompted_artifact)
    documents = [Document(content=content) for content in TEXTS]
    query, expected = prompted.encode_query(TEXTS)[0].tolist(), prompted.encode_document(TEXTS).tolist()
    for found in (embedder.run(documents), asyncio.run(embedder.run_async(documents))):
        assert [document.embedding for document in found["documents"]] == expected
    assert text.run(TEXTS[0])["embedding"] == asyncio.run(text.run_async(TEXTS[0]))["embedding"] == query
    assert expected[0] != query


def test_meta_fields_come_before_the_content(artifact: Path, encoder: SentenceEncoder) -> None:
    embedder = BiobertOnnxDocumentEmbedder(
        artifact, meta_fields_to_embed=["title", "missing", "none", "year"], embedding_separator=" | "
    )
    documents = [Document(content="Sepsis", meta={"year": 2020, "title": "A", "none": None}), Document(content=None)]
    found = embedder.run(documents)["documents"]
    assert [document.embedding for document in found] == encoder.encode(["A | 2020 | Sepsis", ""]).tolist()


def test_components_come_back_from_their_dictionaries(artifact: Path) -> None:
    text = BiobertOnnxTextEmbedder(artifact, max_length=16, threads=1, **OPTIONS)
    documents = BiobertOnnxDocumentEmbedder(artifact, meta_fields_to_embed=["title"], embedding_separator=" ")
    assert BiobertOnnxTextEmbedder.from_dict(text.to_dict()).to_dict() == text.to_dict()
    assert BiobertOnnxDocumentEmbedder.from_dict(documents.to_dict()).to_dict() == documents.to_dict()
    assert text.to_dict()["init_parameters"] == {
        "path": str(artifact),
        "max_length": 16,
        "threads": 1,
        "engine": None,
        "literal_special_tokens": False,
        **OPTIONS,
    }


def test_a_pipeline_comes_back_from_yaml(artifact: Path, encoder: SentenceEncoder) -> None:
    pipeline = Pipeline()
    pipeline.add_component("text", BiobertOnnxTextEmbedder(artifact))
    pipeline.add_component("documents", BiobertOnnxDocumentEmbedder(artifact, meta_fields_to_embed=["title"]))
    copy = Pipeline.loads(pipeline.dumps(), allowed_modules=[BiobertOnnxTextEmbedder.__module__])
    assert copy.to_dict() == pipeline.to_dict()
    found = copy.run({"text": {"text": TEXTS[0]}, "documents": {"documents": []}})
    assert found["text"]["embedding"] == encoder.encode(TEXTS)[0].tolist()


def test_asynchronous_calls_give_the_same(artifact: Path, encoder: SentenceEncoder) -> None:
    pipeline = Pipeline()
    pipeline.add_component("text", BiobertOnnxTextEmbedder(artifact))
    pipeline.add_component("documents", BiobertOnnxDocumentEmbedder(artifact))
    documents = [Document(content=text) for text in TEXTS]
    found = asyncio.run(pipeline.run_async({"text": {"text": TEXTS[0]}, "documents": {"documents": documents}}))
    assert found["text"]["embedding"] == encoder.encode(TEXTS)[0].tolist()
    assert [document.embedding for document in found["documents"]["documents"]] == encoder.encode(TEXTS).tolist()


def test_the_artifact_is_loaded_by_warm_up_and_not_before(tmp_path: Path) -> None:
    embedder = BiobertOnnxTextEmbedder(tmp_path)
    with pytest.raises(ArtifactError, match=r"holds no manifest\.json"):
        embedder.warm_up()


def test_the_example_finds_the_nearest_neighbour(subject: SentenceEncoder) -> None:
    texts = list(dict.fromkeys(TEXTS))  # a document's id is made of its content
    names = run(example("frameworks.md", "Haystack", "python"), texts=texts)
    cosines = similarity(subject.encode([QUERY]), subject.encode(texts))[0]
    assert names["neighbour"].content == texts[cosines.argmax()]


@each_engine
def test_its_engine_is_the_encoders(artifact: Path, engine: str) -> None:
    expected = SentenceEncoder(artifact, engine=engine).encode(TEXTS[:1])
    assert BiobertOnnxTextEmbedder(artifact, engine=engine).run(TEXTS[0])["embedding"] == expected[0].tolist()


def test_special_tokens_in_texts_are_plain_text_when_asked_for(artifact: Path) -> None:
    text = "gene [SEP] protein"
    expected = SentenceEncoder(artifact, literal_special_tokens=True).encode([text])
    assert BiobertOnnxTextEmbedder(artifact, literal_special_tokens=True).run(text)["embedding"] == expected[0].tolist()
