"""The modules after pooling written into a graph: Dense, LayerNorm and Normalize, on one vector for each text."""

from collections.abc import Mapping, Sequence

from biobert_onnx._types import FloatArray
from biobert_onnx_export.checkpoint.sentence_modules import (
    LAYER_NORM_EPSILON,
    Dense,
    LayerNorm,
    Normalize,
    SentenceModule,
)
from biobert_onnx_export.graph.writer import MICROSOFT, GraphWriter

OPERATORS: Mapping[str, tuple[str, str]] = {
    "Tanh": ("Tanh", ""),
    "ReLU": ("Relu", ""),
    "LeakyReLU": ("LeakyRelu", ""),
    "GELU": ("Gelu", MICROSOFT),
    "Sigmoid": ("Sigmoid", ""),
}
"""The operator and its domain of each activation but Identity; ONNX's defaults are PyTorch's (a slope of 0.01)."""


def write_after_pooling(graph: GraphWriter, modules: Sequence[SentenceModule], pooled: str, output: str) -> None:
    """Add the graph's `output`: what `modules` make of the `pooled` vectors, (batch, dim)."""
    x = pooled
    scaled = bool(modules) and isinstance(modules[-1], Normalize)
    for index, module in enumerate(modules[:-1] if scaled else modules):
        x = _write(graph, module, x, f"after_pooling.{index}")
    if scaled:
        _unit_length(graph, x, output)
    else:
        graph.node("Identity", [x], output)


def write_product(
    graph: GraphWriter, x: str, name: str, *, matrix: str, weight: FloatArray, bias: FloatArray | None
) -> str:
    """Add weight @ x + bias, with a separate product for each text; the tensors are called after `matrix`.

    In one product for all texts, a batch of one text would take onnxruntime's vector kernel, and the bits would change.
    """
    column = graph.node("Unsqueeze", [x, graph.integers("last_axis", -1)], f"{name}.column")
    product = graph.node("MatMul", [graph.constant(f"{matrix}.weight", weight), column], f"{name}.product")
    flat = graph.node("Squeeze", [product, graph.integers("last_axis", -1)], f"{name}.flat")
    return flat if bias is None else graph.node("Add", [flat, graph.constant(f"{matrix}.bias", bias)], f"{name}.sum")


def _write(graph: GraphWriter, module: SentenceModule, x: str, name: str) -> str:
    if isinstance(module, Dense):
        return _dense(graph, module, x, name)
    if isinstance(module, LayerNorm):
        return _layer_norm(graph, module, x, name)
    return _unit_length(graph, x, f"{name}.unit_length")


def _dense(graph: GraphWriter, module: Dense, x: str, name: str) -> str:
    product = write_product(graph, x, name, matrix=f"{name}.linear", weight=module.weight, bias=module.bias)
    if module.activation == "Identity":
        return product
    operator, domain = OPERATORS[module.activation]
    return graph.node(operator, [product], f"{name}.active", domain=domain)


def _layer_norm(graph: GraphWriter, module: LayerNorm, x: str, name: str) -> str:
    weight = graph.constant(f"{name}.norm.weight", module.weight)
    bias = graph.constant(f"{name}.norm.bias", module.bias)
    return graph.node("LayerNormalization", [x, weight, bias], f"{name}.norm", axis=-1, epsilon=LAYER_NORM_EPSILON)


def _unit_length(graph: GraphWriter, x: str, name: str) -> str:
    return graph.node("LpNormalization", [x], name, axis=-1, p=2)
