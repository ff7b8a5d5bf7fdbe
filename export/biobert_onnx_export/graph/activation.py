"""The activation of the feed-forward blocks, written into a graph."""

from collections.abc import Mapping
from typing import Any

from biobert_onnx_export.graph.writer import MICROSOFT, GraphWriter

OPERATORS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "gelu": ("Gelu", MICROSOFT, {}),
    "gelu_new": ("Gelu", "", {"approximate": "tanh"}),
    "relu": ("Relu", "", {}),
}
"""The operator, its domain and its attributes, by transformers' name of the activation.

gelu is exact, x / 2 * (1 + erf(x / sqrt(2))); gelu_new is x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))).
"""


def write_activation(graph: GraphWriter, x: str, name: str, activation: str) -> str:
    """Add the `activation` of `x`, elementwise, as the value `name`; returns that name."""
    operator, domain, attributes = OPERATORS[activation]
    return graph.node(operator, [x], name, domain=domain, **attributes)
