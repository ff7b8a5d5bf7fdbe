"""BERT written node by node from a checkpoint's tensors and a plan: token ids in, hidden states out.

The same lines write the float32 form that is calibrated and checked against the reference graph, and the quantized
form that is shipped: only the plan differs. Architecture: Devlin et al. 2018 (arXiv 1810.04805), as in transformers'
BertModel: post-LayerNorm, exact-erf GELU.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.lookup import FloatTable
from biobert_onnx_export.graph.matmul import MICROSOFT, FloatMatrix, FloatSite, Plan
from biobert_onnx_export.graph.writer import GraphWriter

SITES = {
    "attention.self": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attention.output": ("attention.output.dense",),
    "intermediate": ("intermediate.dense",),
    "output": ("output.dense",),
}
"""The sites of one layer, in order, and the matrices that share each."""


WORDS = "embeddings.word_embeddings"

LEADING = {"start": 0, "end": 2, "axis": 1}
"""The slice of the first two tokens of (batch, tokens, dim)."""


def layers(checkpoint: Checkpoint) -> list[str]:
    """The names of the checkpoint's layers, first to last."""
    return [f"encoder.layer.{index}" for index in range(checkpoint.geometry.num_hidden_layers)]


def sites(checkpoint: Checkpoint) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every site of the checkpoint with the names of its matrices, in the order of computation."""
    for layer in layers(checkpoint):
        for site, matrices in SITES.items():
            yield f"{layer}.{site}", tuple(f"{layer}.{matrix}" for matrix in matrices)


def float_matrix(checkpoint: Checkpoint, name: str) -> FloatMatrix:
    """Matrix `name` of the checkpoint, (inputs, outputs): the transpose of what PyTorch stores."""
    return FloatMatrix(weight=checkpoint.tensors[f"{name}.weight"].T, bias=checkpoint.tensors[f"{name}.bias"])


def word_rows(checkpoint: Checkpoint) -> NDArray[np.float32]:
    """The checkpoint's word embeddings, (words, dim) float32."""
    return checkpoint.tensors[f"{WORDS}.weight"]


def float_plan(checkpoint: Checkpoint) -> Plan:
    """The plan with every product in float32."""
    return Plan(
        words=FloatTable(rows=word_rows(checkpoint)),
        sites={
            site: FloatSite(matrices={name: float_matrix(checkpoint, name) for name in matrices})
            for site, matrices in sites(checkpoint)
        },
    )


class Network:
    """Writes one BERT encoder into `graph`; every method returns the name of the value that it adds.

    `masked` says which inputs the graph has: input_ids alone, every text of a batch of the same length; or with
    attention_mask and token_type_ids, for consumers that pad. `site_inputs` maps each site written to its input.
    """

    def __init__(self, checkpoint: Checkpoint, plan: Plan, graph: GraphWriter, *, masked: bool) -> None:
        """Start the encoder of `checkpoint`, multiplying as `plan` says."""
        self.checkpoint = checkpoint
        self.graph = graph
        self.masked = masked
        self.site_inputs: dict[str, str] = {}
        self._plan = plan

    def tensor(self, name: str) -> str:
        """The checkpoint's tensor `name`."""
        return self.graph.constant(name, self.checkpoint.tensors[name])

    def tokens(self) -> str:
        """The length of the batch's texts, (1,) int64."""
        return self.graph.node("Shape", ["input_ids"], "tokens", start=1, end=2)

    def hidden(self, tokens: str, *, output: str | None = None, leading: bool = False) -> str:
        """The last layer's output, (batch, tokens, dim), under the name `output` if one is given.

        `leading`: only its first two tokens, (batch, 2, dim), for poolings that need [CLS] alone: the last layer then
        computes queries, attention output and feed-forward of these. Two, as a lone row of a float32 product would
        take another kernel, and a text's bits would change with its batch; every text has [CLS] and [SEP].
        """
        if self.masked:
            self.graph.node("Cast", ["attention_mask"], "padding_mask", to=TensorProto.INT32)
        x = self._embeddings(tokens)
        *names, last = layers(self.checkpoint)
        for layer in names:
            x = self._layer(x, x, layer)
        return self._layer(self._first_tokens(x) if leading else x, x, last, output=output)

    def _layer(self, x: str, attended: str, layer: str, *, output: str | None = None) -> str:
        """One layer's output for the tokens `x`, which attend to the tokens `attended`."""
        x = self._attention_block(x, attended, layer)
        return self._feed_forward_block(x, layer, output=output)

    def _first_tokens(self, x: str) -> str:
        bounds = (self.graph.integers(f"leading_{name}", value) for name, value in LEADING.items())
        return self.graph.node("Slice", [x, *bounds], "leading")

    def _embeddings(self, tokens: str) -> str:
        words = self._plan.words.write(self.graph, WORDS, "input_ids")
        places = self.graph.node("Add", [self._positions(tokens), self._token_types()], "places")
        total = self.graph.node("Add", [words, places], "embeddings.sum")
        return self._layer_norm(total, "embeddings")

    def _positions(self, tokens: str) -> str:
        table = self.tensor("embeddings.position_embeddings.weight")
        start, axis = self.graph.integers("slice_start", 0), self.graph.integers("slice_axis", 0)
        return self.graph.node("Slice", [table, start, tokens, axis], "positions")

    def _token_types(self) -> str:
        table = self.tensor("embeddings.token_type_embeddings.weight")
        index = "token_type_ids" if self.masked else self.graph.constant("segment_zero", np.int64(0))
        return self.graph.node("Gather", [table, index], "token_types")

    def _attention_block(self, x: str, attended: str, layer: str) -> str:
        query, key, value = self._attention_inputs(x, attended, f"{layer}.attention.self")
        context = self.graph.node(
            "MultiHeadAttention",
            [query, key, value, *(["", "padding_mask"] if self.masked else [])],
            f"{layer}.attention.context",
            domain=MICROSOFT,
            num_heads=self.checkpoint.geometry.num_attention_heads,
        )
        (projected,) = self._linear(context, f"{layer}.attention.output")
        total = self.graph.node("Add", [projected, x], f"{layer}.attention.sum")
        return self._layer_norm(total, f"{layer}.attention.output")

    def _feed_forward_block(self, x: str, layer: str, *, output: str | None) -> str:
        (inner,) = self._linear(x, f"{layer}.intermediate")
        active = self.graph.node("Gelu", [inner], f"{layer}.gelu", domain=MICROSOFT)
        (projected,) = self._linear(active, f"{layer}.output")
        total = self.graph.node("Add", [projected, x], f"{layer}.sum")
        if layer in self._plan.outliers:
            outliers = self._plan.outliers[layer].write(self.graph, layer, x)
            total = self.graph.node("Add", [total, outliers], f"{layer}.sum_with_outliers")
        return self._layer_norm(total, f"{layer}.output", output=output)

    def _attention_inputs(self, x: str, attended: str, site: str) -> list[str]:
        """Queries of `x`, keys and values of `attended`."""
        if x == attended:
            return self._linear(x, site)
        query, *others = self._plan.sites[site].matrices
        return [*self._part(x, site, "leading", [query]), *self._part(attended, site, "attended", others)]

    def _part(self, x: str, site: str, label: str, names: list[str]) -> list[str]:
        """The products of `x` with some of the site's matrices."""
        how = self._plan.sites[site]
        matrices = {name: how.matrices[name] for name in names}
        return replace(how, matrices=matrices).write(self.graph, f"{site}.{label}", x)  # type: ignore[arg-type]

    def _linear(self, x: str, site: str) -> list[str]:
        self.site_inputs[site] = x
        return self._plan.sites[site].write(self.graph, site, x)

    def _layer_norm(self, x: str, name: str, *, output: str | None = None) -> str:
        return self.graph.node(
            "LayerNormalization",
            [x, self.tensor(f"{name}.LayerNorm.weight"), self.tensor(f"{name}.LayerNorm.bias")],
            output or f"{name}.normalized",
            axis=-1,
            epsilon=self.checkpoint.geometry.layer_norm_eps,
        )
