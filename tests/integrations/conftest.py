"""Artifacts that other tools load, under the name that the examples give them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx_export import export
from biobert_onnx_export.reference.texts import TextSets
from tests.integrations.examples import PLACE
from tests.support.texts import TEXTS


@pytest.fixture(scope="session")
def texts() -> Sequence[str]:
    """Texts of all kinds and lengths, some of them longer than encoders take."""
    return [*TEXTS, *TextSets.read(None).held_out["gated"][:60]]


@pytest.fixture(scope="session")
def fp32(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint's artifact in float32."""
    folder = tmp_path_factory.mktemp("artifacts") / "tiny-fp32"
    export(tiny_checkpoint, folder, precision="fp32")
    return folder


@pytest.fixture
def subject(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SentenceEncoder:
    """An encoder on the artifact of the fixture that the test names, which lies where the examples look for it.

    Its engine is onnxruntime: the tools run the artifact's graph.
    """
    name: str = getattr(request, "param", "artifact")
    folder: Path = request.getfixturevalue(name)
    (tmp_path / PLACE).symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    return SentenceEncoder(folder, engine="onnxruntime")
