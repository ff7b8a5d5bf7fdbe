"""Other tools, the real packages, give our vectors with the lines of docs/other-tools.md."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx_export import export
from tests.integrations.examples import example, run

pytestmark = pytest.mark.filterwarnings("ignore")  # the tools' own; and some texts are cut

PAGE = "other-tools.md"
NODE_MODULES = Path(__file__).parents[2] / "build" / "node" / "node_modules"

MODULES = {
    "onnxruntime": "onnxruntime",
    "sentence-transformers": "sentence_transformers",
    "optimum": "optimum.onnxruntime",
    "fastembed": "fastembed",
}
SCALING = ("onnxruntime", "sentence-transformers", "fastembed")
"""Tools that scale to unit length by themselves where the checkpoint does."""

LEAST_MEAN = {"int8": 0.9998, "fp32": 0.999999}
LEAST = {"int8": 0.998, "fp32": 0.999999}

of_each_artifact = pytest.mark.parametrize("subject", ["artifact", "fp32", "minilm"], indirect=True)


@pytest.fixture
def fastembed_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of custom models can be added once a process."""
    custom = pytest.importorskip("fastembed.text.custom_text_embedding", reason="needs the extra 'interop'")
    monkeypatch.setattr(custom.CustomTextEmbedding, "SUPPORTED_MODELS", [])


def vectors_of(tool: str, texts: Sequence[str], request: pytest.FixtureRequest) -> np.ndarray:
    pytest.importorskip(MODULES[tool], reason="needs the extra 'interop'")
    if tool == "fastembed":
        request.getfixturevalue("fastembed_forgets")
    return np.asarray(run(example(PAGE, tool, "python"), texts=texts)["embeddings"])


def check_same(found: np.ndarray, subject: SentenceEncoder, texts: Sequence[str]) -> None:
    expected = subject.encode(texts)
    assert found.shape == expected.shape
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    cosines = (found * expected).sum(axis=1) / norms
    assert cosines.mean() >= LEAST_MEAN[subject.manifest.precision]
    assert cosines.min() >= LEAST[subject.manifest.precision]


@of_each_artifact
@pytest.mark.parametrize("tool", MODULES)
def test_it_gives_our_vectors(
    tool: str, subject: SentenceEncoder, texts: Sequence[str], request: pytest.FixtureRequest
) -> None:
    check_same(vectors_of(tool, texts, request), subject, texts)


@pytest.mark.parametrize("subject", ["minilm"], indirect=True)
@pytest.mark.parametrize("tool", SCALING)
def test_it_scales_vectors_to_unit_length_as_the_checkpoint_does(
    tool: str, subject: SentenceEncoder, texts: Sequence[str], request: pytest.FixtureRequest
) -> None:
    lengths = np.linalg.norm(vectors_of(tool, texts, request), axis=1)
    assert lengths == pytest.approx(np.ones(len(texts)), abs=1e-5)


@pytest.mark.parametrize("tool", SCALING)
def test_it_leaves_vectors_at_their_length_where_the_checkpoint_does(
    tool: str, subject: SentenceEncoder, texts: Sequence[str], request: pytest.FixtureRequest
) -> None:
    lengths = np.linalg.norm(vectors_of(tool, texts, request), axis=1)
    assert lengths == pytest.approx(np.linalg.norm(subject.encode(texts), axis=1), rel=0.02)
    assert abs(lengths - 1).min() > 0.02


@pytest.fixture(scope="module")
def first_tokens(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts") / "tiny-cls"
    export(tiny_checkpoint, folder, precision="fp32", pooling="cls")
    return folder


@pytest.mark.parametrize("subject", ["first_tokens"], indirect=True)
@pytest.mark.parametrize("tool", SCALING)
def test_it_pools_as_the_artifact_says(
    tool: str, subject: SentenceEncoder, texts: Sequence[str], request: pytest.FixtureRequest
) -> None:
    check_same(vectors_of(tool, texts, request), subject, texts)


@of_each_artifact
@pytest.mark.skipif(not shutil.which("node"), reason="no node here")
@pytest.mark.skipif(not NODE_MODULES.is_dir(), reason="no node modules under build/node: make test-interop")
def test_node_gives_our_vectors(subject: SentenceEncoder, texts: Sequence[str]) -> None:
    whole = [text for text in texts if subject.token_counts([text]) <= subject.max_length]  # it cuts [SEP] off others
    script = Path("example.mjs")
    script.write_text(
        f"const texts = {json.dumps(whole)};\n"
        f"{example(PAGE, 'Node.js', 'js')}"
        "console.log(JSON.stringify(embeddings.tolist()));\n"
    )
    Path("node_modules").symlink_to(NODE_MODULES)
    done = subprocess.run(["node", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check_same(np.array(json.loads(done.stdout)), subject, whole)
