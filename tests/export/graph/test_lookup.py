"""int8 word embeddings: within half a step, and looked up exactly."""

from pathlib import Path

import numpy as np

from biobert_onnx.encoding.sessions import open_session
from biobert_onnx_export.graph.lookup import Int8Table
from biobert_onnx_export.graph.writer import GraphWriter, WeightsFile

RNG = np.random.default_rng(11)


def test_entries_are_within_half_a_step_of_their_words() -> None:
    vectors = (RNG.normal(size=(200, 48)) * RNG.uniform(0.01, 5, size=(200, 1))).astype(np.float32)
    vectors[7] = 0
    table = Int8Table.of(vectors)
    assert (np.abs(table.vectors * table.scale - vectors) <= table.scale * 0.5001).all()
    assert table.scale.shape == (200, 1)


def test_a_graph_looks_up_the_words_of_a_table(tmp_path: Path) -> None:
    table = Int8Table.of(RNG.normal(size=(50, 16)).astype(np.float32))
    with WeightsFile(tmp_path / "model.onnx_data") as weights:
        graph = GraphWriter(weights)
        table.write(graph, "words", "ids")
        graph.write(tmp_path / "graph.onnx", inputs={"ids": ("texts",)}, outputs={"words": ("texts", 16)})
    ids = np.array([3, 0, 49, 3])
    (found,) = open_session(tmp_path / "graph.onnx").run(["words"], {"ids": ids})
    assert (found == table.vectors[ids].astype(np.float32) * table.scale[ids]).all()
