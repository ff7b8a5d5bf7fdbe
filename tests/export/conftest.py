"""The steps of one export of the tiny checkpoint, each made once, for the tests of the step after it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.sessions import open_session
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.writer import GraphWriter, WeightsFile
from biobert_onnx_export.quantize.quantized_network import QuantizedNetwork, quantize_network
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.targets import Targets
from biobert_onnx_export.reference.texts import TextSets, TokenSets

WriteNodes = Callable[[GraphWriter], object]
RunNodes = Callable[[WriteNodes, FloatArray], FloatArray]


@pytest.fixture(scope="session")
def source(tiny_checkpoint: Path) -> Checkpoint:
    """The tiny checkpoint, read."""
    return Checkpoint.read(str(tiny_checkpoint))


@pytest.fixture(scope="session")
def tokens(source: Checkpoint) -> TokenSets:
    """The token ids of the bundled texts."""
    return TextSets.read(None).tokenize(source.vocabulary.tokenizer(), max_length=128)


@pytest.fixture(scope="session")
def reference(source: Checkpoint, tokens: TokenSets, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The reference of the tiny checkpoint, mean pooling."""
    return Reference(source, tmp_path_factory.mktemp("reference"), pooling="mean", samples=tokens.samples)


@pytest.fixture(scope="session")
def targets(reference: Reference, tokens: TokenSets) -> Targets:
    """The reference vectors of the tiny checkpoint."""
    return Targets.of(reference, tokens)


@pytest.fixture(scope="session")
def network(source: Checkpoint, tokens: TokenSets, tmp_path_factory: pytest.TempPathFactory) -> QuantizedNetwork:
    """The tiny checkpoint rounded to int8."""
    folder = tmp_path_factory.mktemp("calibration")
    return quantize_network(source, tokens.calibration, folder, progress=lambda message: None)


@pytest.fixture
def run_nodes(tmp_path: Path) -> RunNodes:
    """A function that runs a few nodes: it returns their value "y" for the value "x", both (rows, channels) float32."""

    def run(write: WriteNodes, x: FloatArray) -> FloatArray:
        with WeightsFile(tmp_path / "model.onnx_data") as weights:
            graph = GraphWriter(weights)
            graph.node("Cast", ["integers"], "x", to=1)
            write(graph)
            graph.write(tmp_path / "graph.onnx", inputs={"integers": ("rows", "inputs")}, outputs={"y": ("rows", None)})
        session = open_session(tmp_path / "graph.onnx")
        y: FloatArray = session.run(["y"], {"integers": x.astype(np.int64)})[0]
        return y

    return run
