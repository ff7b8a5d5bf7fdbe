"""Subjects shared by all tests; each is made once a session, and only when a test asks for it."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import biobert_onnx

PROJECT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--artifact` runs the runtime's tests on a ready artifact, without the export package."""
    parser.addoption(
        "--artifact", type=Path, help="artifact folder for tests/runtime (default: a tiny one is exported)"
    )


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded BERT of 4 layers x 128, in heads of 32, with a cased vocabulary, loud channels and an outlier unit."""
    from benchmarks.standin import write_standin
    from tests.support.checkpoints import TINY

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_standin(folder, TINY)
    return folder


@pytest.fixture(scope="session")
def artifact(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact that the runtime's tests run on: int8, mean pooling."""
    given: Path | None = request.config.getoption("artifact")
    if given is not None:
        return given.absolute()
    from biobert_onnx_export import export

    folder = tmp_path_factory.mktemp("artifacts") / "tiny-int8"
    export(request.getfixturevalue("tiny_checkpoint"), folder)
    return folder


@pytest.fixture(scope="session")
def encoder(artifact: Path) -> biobert_onnx.SentenceEncoder:
    """An encoder on `artifact` with two worker threads."""
    return biobert_onnx.SentenceEncoder(artifact, threads=2)


@pytest.fixture(scope="session")
def prompted_artifact(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `artifact` with three prompts, one of which is the default."""
    from tests.support.prompts import DEFAULT, PROMPTS, copy_with_prompts

    return copy_with_prompts(artifact, tmp_path_factory.mktemp("artifacts") / "prompted", PROMPTS, DEFAULT)


@pytest.fixture(scope="session")
def prompted(prompted_artifact: Path) -> biobert_onnx.SentenceEncoder:
    """An encoder on `prompted_artifact` with two worker threads."""
    return biobert_onnx.SentenceEncoder(prompted_artifact, threads=2)


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of a trained encoder, all-MiniLM-L6-v2: int8, uncased, vectors of unit length."""
    from benchmarks.inputs.minilm import minilm_checkpoint
    from biobert_onnx_export import export

    work = tmp_path_factory.mktemp("minilm")
    export(minilm_checkpoint(work), work / "int8")
    return work / "int8"


@pytest.fixture(scope="session")
def tensorflow() -> Iterator[Path]:
    """The folder that TensorFlow is imported from from now on.

    Not installed beside transformers, which would import it from then on: every contender of the benchmarks that uses
    transformers would start 5 s later.
    """
    spec = find_spec("tensorflow")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parents[1]
        return
    with tempfile.TemporaryDirectory(prefix="biobert-onnx-tensorflow-") as folder:
        constraints = str(PROJECT / "constraints.txt")
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", constraints, "--target", folder]
        subprocess.run([*install, "tensorflow-cpu"], check=True, capture_output=True)
        sys.path.append(folder)
        yield Path(folder)
        sys.path.remove(folder)
