"""The artifact's two graphs on one weights file, and the float32 graph that calibration runs."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, numpy_helper

from biobert_onnx.artifact.paths import ENCODER_GRAPH, MODEL_GRAPH, WEIGHTS
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.bert import Network, float_plan
from biobert_onnx_export.graph.matmul import Plan
from biobert_onnx_export.graph.writer import GraphWriter, WeightsFile

EXACT_INPUTS = {"input_ids": ("batch", "tokens")}
MASKED_INPUTS = dict.fromkeys(("input_ids", "attention_mask", "token_type_ids"), ("batch", "sequence"))

SMALLEST_COUNT = 1e-9
"""The least number of tokens to divide by, as in sentence-transformers' mean pooling."""


def write_graphs(checkpoint: Checkpoint, plan: Plan, folder: Path, *, pooling: str) -> None:
    """Write encoder.onnx, model.onnx and the weights.bin that both map into `folder`."""
    with WeightsFile(folder / WEIGHTS) as weights:
        encoder = Network(checkpoint, plan, GraphWriter(weights), masked=False)
        _write_encoder(encoder, folder / ENCODER_GRAPH, pooling)
        model = Network(checkpoint, plan, GraphWriter(weights), masked=True)
        _write_model(model, folder / MODEL_GRAPH, pooling)


def write_calibration_graph(checkpoint: Checkpoint, folder: Path) -> tuple[Path, dict[str, str]]:
    """Write the float32 network whose outputs are the inputs of its sites; returns its path and site -> output."""
    path = folder / "calibration.onnx"
    with WeightsFile(folder / "calibration.bin") as weights:
        network = Network(checkpoint, float_plan(checkpoint), GraphWriter(weights), masked=False)
        network.hidden(network.tokens())
        shapes = dict.fromkeys(dict.fromkeys(network.site_inputs.values()), ("batch", "tokens", None))
        network.graph.write(path, inputs=EXACT_INPUTS, outputs=shapes)
    return path, network.site_inputs


def _write_encoder(network: Network, path: Path, pooling: str) -> None:
    dim = network.checkpoint.geometry.hidden_size
    tokens = network.tokens()
    hidden = network.hidden(tokens, leading=pooling != "mean")
    pooled = _mean_of_all(network, hidden, tokens) if pooling == "mean" else _first(network, hidden, pooling)
    _finish(network, pooled, "embeddings")
    network.graph.write(path, inputs=EXACT_INPUTS, outputs={"embeddings": ("batch", dim)})


def _write_model(network: Network, path: Path, pooling: str) -> None:
    dim = network.checkpoint.geometry.hidden_size
    hidden = network.hidden(network.tokens(), output="last_hidden_state")
    pooled = _mean_of_unmasked(network, hidden) if pooling == "mean" else _first(network, hidden, pooling)
    _finish(network, pooled, "sentence_embedding")
    shapes = {"last_hidden_state": ("batch", "sequence", dim), "sentence_embedding": ("batch", dim)}
    network.graph.write(path, inputs=MASKED_INPUTS, outputs=shapes)


def _mean_of_all(network: Network, hidden: str, tokens: str) -> str:
    graph = network.graph
    shape = graph.node("Concat", [graph.integers("one_one", 1, 1), tokens], "pooled.row_shape", axis=0)
    one = numpy_helper.from_array(np.ones(1, dtype=np.float32))
    row = graph.node("ConstantOfShape", [shape], "pooled.row", value=one)
    count = graph.node("Cast", [tokens], "pooled.count", to=TensorProto.FLOAT)
    return _weighted_mean(network, hidden, row, count)


def _mean_of_unmasked(network: Network, hidden: str) -> str:
    graph = network.graph
    mask = graph.node("Cast", ["attention_mask"], "pooled.mask", to=TensorProto.FLOAT)
    row = graph.node("Unsqueeze", [mask, graph.integers("axis_1", 1)], "pooled.row")
    total = graph.node("ReduceSum", [mask, graph.integers("axis_1", 1)], "pooled.mask_sum", keepdims=1)
    least = graph.constant("pooled.smallest_count", np.float32(SMALLEST_COUNT))
    return _weighted_mean(network, hidden, row, graph.node("Max", [total, least], "pooled.count"))


def _weighted_mean(network: Network, hidden: str, row: str, count: str) -> str:
    """`row` (batch or 1, 1, tokens) times the hidden states, divided by `count`.

    A product, not ReduceMean: that takes another kernel for a batch of one, and the bits change.
    """
    graph = network.graph
    total = graph.node("MatMul", [row, hidden], "pooled.total")
    flat = graph.node("Squeeze", [total, graph.integers("axis_1", 1)], "pooled.flat")
    return graph.node("Div", [flat, count], "pooled.mean")


def _first(network: Network, hidden: str, pooling: str) -> str:
    """The [CLS] row, (batch, dim), through the pooler if `pooling` says so."""
    row = network.graph.node("Gather", [hidden, network.graph.constant("first", np.int64(0))], "pooled.cls", axis=1)
    return row if pooling == "cls" else _pooler(network, row)


def _pooler(network: Network, row: str) -> str:
    """tanh(W row + b), each row a product of its own.

    As one product of all rows, a batch of one would take onnxruntime's vector kernel, and the bits would change.
    """
    graph = network.graph
    column = graph.node("Unsqueeze", [row, graph.integers("last_axis", -1)], "pooler.column")
    product = graph.node("MatMul", [network.tensor("pooler.dense.weight"), column], "pooler.product")
    flat = graph.node("Squeeze", [product, graph.integers("last_axis", -1)], "pooler.flat")
    total = graph.node("Add", [flat, network.tensor("pooler.dense.bias")], "pooler.sum")
    return graph.node("Tanh", [total], "pooler.tanh")


def _finish(network: Network, pooled: str, output: str) -> None:
    """Call `pooled` the graph's `output`, at unit length where the checkpoint has a Normalize module."""
    if network.checkpoint.modules.normalized:
        network.graph.node("LpNormalization", [pooled], output, axis=-1, p=2)
    else:
        network.graph.node("Identity", [pooled], output)
