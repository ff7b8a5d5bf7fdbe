"""Clients of others, the real packages, get our vectors from a server on loopback with the lines of docs/clients.md."""

import asyncio
import base64
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from biobert_onnx import SentenceEncoder, similarity
from tests.integrations.examples import example, run
from tests.support.servers import Server, running
from tests.support.texts import TEXTS

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # read when haystack is imported

for package in ("uvicorn", "starlette", "prometheus_client", "orjson", "requests"):
    pytest.importorskip(package, reason="needs the extra 'interop'")

pytestmark = pytest.mark.filterwarnings("ignore")  # the clients' own

PAGE = "clients.md"
ADDRESS = "http://localhost:8000"
"""The server's address on the page."""

MODULES = {
    "OpenAI": "openai",
    "Hugging Face": "huggingface_hub",
    "LangChain, as OpenAI": "langchain_openai",
    "LangChain, as Hugging Face": "langchain_huggingface",
    "LlamaIndex, as OpenAI": "llama_index.embeddings.openai_like",
    "LlamaIndex, as text-embeddings-inference": "llama_index.embeddings.text_embeddings_inference",
    "Haystack, as OpenAI": "haystack",
    "Haystack, as text-embeddings-inference": "haystack_integrations.components.embedders.huggingface_api",
    "Open WebUI": "requests",
}
"""The module that the page's lines under each heading import."""

LONG = "word " * 600


@pytest.fixture(scope="module")
def server(artifact: Path) -> Iterator[Server]:
    with running(artifact, command=[]) as server:
        yield server
    assert not re.search("Traceback|[Ww]arning|ERROR", "".join(server.log)), "".join(server.log)


@pytest.fixture
def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture(autouse=True)
def online() -> Iterator[None]:
    """huggingface_hub asks the server, although the tests run with HF_HUB_OFFLINE=1."""
    requests = pytest.importorskip("requests")
    hub = pytest.importorskip("huggingface_hub")
    hub.configure_http_backend(requests.Session)
    yield
    hub.configure_http_backend()


@pytest.fixture
def unit(encoder: SentenceEncoder) -> np.ndarray:
    """The encoder's vectors of TEXTS, of unit length."""
    return encoder.encode(TEXTS, normalize_embeddings=True)


def same(found: ArrayLike, expected: np.ndarray) -> bool:
    """Whether numbers that a client gives are float32's bits of `expected`."""
    return np.array_equal(np.asarray(found, dtype=np.float32), expected)


def lines(heading: str, address: str, **names: object) -> dict[str, Any]:
    """The names after the page's Python lines under `heading`, asking `address`."""
    if heading in MODULES:
        pytest.importorskip(MODULES[heading], reason="needs the extra 'interop'")
    return run(example(PAGE, heading, "python").replace(ADDRESS, address), **names)


@pytest.mark.parametrize("heading", MODULES)
def test_it_gets_the_encoders_vectors_of_unit_length(
    heading: str, address: str, unit: np.ndarray, encoder: SentenceEncoder
) -> None:
    names = lines(heading, address, texts=list(TEXTS))
    if heading == "LlamaIndex, as text-embeddings-inference":
        unit = encoder.encode([text.strip() for text in TEXTS], normalize_embeddings=True)
    assert same(names["vectors"], unit)


def test_openais_client_gets_floats_or_base64_and_dimensions(address: str, encoder: SentenceEncoder) -> None:
    client = lines("OpenAI", address, texts=list(TEXTS))["client"]
    expected = encoder.encode(TEXTS, normalize_embeddings=True, truncate_dim=8)

    def found(**more: str) -> list[Any]:
        answer = client.embeddings.create(model="m", input=list(TEXTS), dimensions=8, user="me", **more)
        assert answer.usage.prompt_tokens == encoder.token_counts(TEXTS).sum()
        return [item.embedding for item in answer.data]

    assert same(found(), expected)  # it asks for base64 by itself
    assert same(found(encoding_format="float"), expected)
    assert same([np.frombuffer(base64.b64decode(row), "<f4") for row in found(encoding_format="base64")], expected)


def test_openais_client_knows_models_errors_and_our_own_fields(address: str, encoder: SentenceEncoder) -> None:
    openai = pytest.importorskip("openai", reason="needs the extra 'interop'")
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    (model,) = client.models.list()
    assert client.models.retrieve(model.id).id == model.id == encoder.manifest.name
    with pytest.raises(openai.BadRequestError, match="too many tokens") as refused:
        client.embeddings.create(model="m", input=LONG)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")
    answer = client.embeddings.create(model="m", input=LONG, extra_body={"long_texts": "window"})
    assert same([answer.data[0].embedding], encoder.encode([LONG], normalize_embeddings=True, long_texts="window"))


def test_openais_asynchronous_client_gets_the_same(address: str, unit: np.ndarray) -> None:
    openai = pytest.importorskip("openai", reason="needs the extra 'interop'")

    async def vectors() -> list[list[float]]:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none") as client:
            answers = await asyncio.gather(*(client.embeddings.create(model="m", input=text) for text in TEXTS))
        return [answer.data[0].embedding for answer in answers]

    assert same(asyncio.run(vectors()), unit)


def test_hugging_faces_client_gets_cosines_and_vectors_as_it_asks_for_them(
    address: str, encoder: SentenceEncoder, unit: np.ndarray
) -> None:
    names = lines("Hugging Face", address, texts=list(TEXTS))
    client = names["client"]
    assert np.allclose(names["cosines"], similarity(unit[:1], unit)[0], atol=1e-6)
    assert same(client.feature_extraction(TEXTS[0]), unit[:1])
    assert same(client.feature_extraction(TEXTS[0], normalize=False), encoder.encode(TEXTS[:1]))
    cut = client.feature_extraction(LONG, truncate=True, truncation_direction="Right")
    assert cut.shape == (1, encoder.dim)


def test_hugging_faces_asynchronous_client_gets_the_same(address: str, unit: np.ndarray) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="needs the extra 'interop'")
    pytest.importorskip("aiohttp", reason="needs the extra 'interop'")

    async def vectors() -> np.ndarray:
        async with hub.AsyncInferenceClient(address) as client:
            return np.asarray(await client.feature_extraction(list(TEXTS)))

    assert same(asyncio.run(vectors()), unit)


def test_langchains_queries_and_asynchronous_calls_get_the_same(address: str, unit: np.ndarray) -> None:
    for heading in ("LangChain, as OpenAI", "LangChain, as Hugging Face"):
        embeddings = lines(heading, address, texts=list(TEXTS))["embeddings"]
        assert same(embeddings.embed_query(TEXTS[0]), unit[0])
        assert same(asyncio.run(embeddings.aembed_documents(list(TEXTS))), unit)


def test_langchains_token_ids_are_refused_with_the_remedy(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    langchain = pytest.importorskip("langchain_openai", reason="needs the extra 'interop'")
    core = pytest.importorskip("llama_index.core", reason="needs the extra 'interop'")
    vocabulary = Path(core.__file__).parent / "_static" / "tiktoken_cache"  # OpenAI's, which LlamaIndex carries
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(vocabulary))
    embeddings = langchain.OpenAIEmbeddings(base_url=f"{address}/v1", api_key="none")
    with pytest.raises(Exception, match=r"token ids: send texts.* check_embedding_ctx_length=False"):
        embeddings.embed_documents(["Sepsis"])


def test_llama_indexs_queries_and_asynchronous_calls_get_the_same(address: str, encoder: SentenceEncoder) -> None:
    texts = [text.strip() for text in TEXTS]
    unit = encoder.encode(texts, normalize_embeddings=True)
    for heading in ("LlamaIndex, as OpenAI", "LlamaIndex, as text-embeddings-inference"):
        embedding = lines(heading, address, texts=texts)["embedding"]
        assert same(embedding.get_query_embedding(texts[0]), unit[0])
        assert same(asyncio.run(embedding.aget_text_embedding_batch(texts)), unit)


def test_llama_index_has_long_texts_cut_by_text_embeddings_inference(address: str, encoder: SentenceEncoder) -> None:
    embedding = lines("LlamaIndex, as text-embeddings-inference", address, texts=["a"])["embedding"]
    assert same(embedding.get_text_embedding(LONG), encoder.encode([LONG.strip()], normalize_embeddings=True)[0])


def test_haystacks_text_embedder_gets_the_same_in_a_pipeline(address: str, encoder: SentenceEncoder) -> None:
    haystack = pytest.importorskip("haystack", reason="needs the extra 'interop'")
    from haystack.components.embedders import OpenAITextEmbedder
    from haystack.utils import Secret

    pipeline = haystack.Pipeline()
    key = Secret.from_token("none")
    pipeline.add_component("text", OpenAITextEmbedder(api_base_url=f"{address}/v1", api_key=key, dimensions=8))
    found = pipeline.run({"text": {"text": TEXTS[0]}})["text"]["embedding"]
    assert same(found, encoder.encode(TEXTS[:1], normalize_embeddings=True, truncate_dim=8)[0])


def test_haystacks_other_text_embedder_gets_vectors_as_it_asks_for_them(address: str, encoder: SentenceEncoder) -> None:
    module = pytest.importorskip(MODULES["Haystack, as text-embeddings-inference"], reason="needs the extra 'interop'")
    for normalize in (True, False):
        embedder = module.HuggingFaceAPITextEmbedder(
            api_type="text_embeddings_inference", api_params={"url": address}, normalize=normalize
        )
        expected = encoder.encode(TEXTS[:1], normalize_embeddings=normalize)[0]
        assert same(embedder.run(TEXTS[0])["embedding"], expected)
        assert same(asyncio.run(embedder.run_async(TEXTS[0]))["embedding"], expected)


def curl(*words: str) -> Any:
    """What the answer of `curl` holds, whose status is that of success."""
    done = subprocess.run(["curl", "--fail", "--silent", "--show-error", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.startswith(("[", "{")) else done.stdout


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")


@needs_curl
def test_the_pages_curl_lines_are_answered(address: str, encoder: SentenceEncoder) -> None:
    commands = [shlex.split(line.replace(ADDRESS, address)) for line in example(PAGE, "curl", "console").splitlines()]
    answers = [curl(*words) for program, *words in commands if program == "curl"]
    (unit,) = encoder.encode(["I hate cancer"], normalize_embeddings=True)
    sepsis = encoder.encode(["Sepsis"], normalize_embeddings=True)
    assert len(answers) == len(commands) == 4
    assert same(answers[0]["data"][0]["embedding"], unit)
    assert same(answers[1], unit[None])
    assert np.allclose(answers[2], similarity(unit[None], sepsis)[0], atol=1e-6)
    assert len(answers[3][0]) == encoder.token_counts(["I hate cancer"])[0]


@needs_curl
def test_curl_is_answered_for_each_example_of_every_route(address: str) -> None:
    """With the words of the lines that /docs shows."""
    count = 0
    for path, methods in curl(f"{address}/openapi.json")["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        for shown in content.get("examples", {}).values():
            curl(f"{address}{path}", "-H", "Content-Type: application/json", "-d", json.dumps(shown["value"]))
            count += 1
    assert count >= 7


def test_open_webui_tries_the_models_before_it_sends_texts(address: str) -> None:
    requests = pytest.importorskip("requests", reason="needs the extra 'interop'")
    answer = requests.get(f"{address}/v1/models", headers={"Authorization": "Bearer none"})
    assert answer.json()["data"][0]["object"] == "model"
