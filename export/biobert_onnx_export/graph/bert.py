"""BERT, written node by node from a checkpoint's tensors and a plan: token ids in, hidden states out.

The same lines write the float32 form, which is compared with the reference and calibrated, and the quantized form of
the artifact; only the plan differs. Architecture: Devlin et al. 2018 (arXiv 1810.04805), as in transformers' BertModel:
post-LayerNorm, exact-erf GELU.
"""

import numpy as np
from onnx import TensorProto

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.plan import POSITIONS, TOKEN_TYPES, WORDS, SiteKind, layer_name
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.lookup import FloatTable
from biobert_onnx_export.graph.matmul import MICROSOFT, FloatMatrix, FloatProducts
from biobert_onnx_export.graph.plan import Plan, Site, sites
from biobert_onnx_export.graph.writer import GraphWriter

FIRST_TWO_TOKENS = {"start": 0, "end": 2, "axis": 1}
"""The slice of (batch, tokens, dim) that poolings of [CLS] take."""


def float_matrices(checkpoint: Checkpoint, site: Site) -> dict[str, FloatMatrix]:
    """Return the matrices of `site` by name, (inputs, outputs): the transpose of what PyTorch stores."""
    tensors = checkpoint.tensors
    return {
        name: FloatMatrix(weight=tensors[f"{name}.weight"].T, bias=tensors[f"{name}.bias"])
        for name in site.matrix_names
    }


def word_embeddings(checkpoint: Checkpoint) -> FloatArray:
    """Return the word embeddings of the checkpoint, (words, dim) float32."""
    return checkpoint.tensors[f"{WORDS}.weight"]


def checkpoint_sites(checkpoint: Checkpoint) -> list[Site]:
    """List every site of the checkpoint, in the order of computation."""
    return sites(checkpoint.geometry.num_hidden_layers)


def float_plan(checkpoint: Checkpoint) -> Plan:
    """Plan every look-up and product in float32."""
    return Plan(
        words=FloatTable(vectors=word_embeddings(checkpoint)),
        sites={site: FloatProducts(matrices=float_matrices(checkpoint, site)) for site in checkpoint_sites(checkpoint)},
    )


def layer_input(layer: int) -> str:
    """Return the name that a `Network` gives the value that enters the layer with index `layer`.

    The index after the last layer names what leaves the last one.
    """
    return "embeddings.normalized" if layer == 0 else f"{layer_name(layer - 1)}.output.normalized"


def site_input(site: Site) -> str:
    """Return the name that a `Network` gives the value that enters `site`, (batch, tokens, channels) float32."""
    layer = layer_name(site.layer)
    return {
        SiteKind.QUERY_KEY_VALUE: layer_input(site.layer),
        SiteKind.ATTENTION_OUTPUT: f"{layer}.attention.context",
        SiteKind.INTERMEDIATE: f"{layer}.attention.output.normalized",
        SiteKind.OUTPUT: f"{layer}.gelu",
    }[site.kind]


class Network:
    """Writes one BERT encoder into `graph`; every method returns the name of the value that it adds.

    `masked` decides the inputs of the graph. False: input_ids alone, and all texts of a batch have one length. True:
    attention_mask and token_type_ids as well, for programs that pad.
    """

    def __init__(self, checkpoint: Checkpoint, plan: Plan, graph: GraphWriter, *, masked: bool) -> None:
        """Start the encoder of `checkpoint`, whose sites are multiplied according to `plan`."""
        self.checkpoint = checkpoint
        self.graph = graph
        self.masked = masked
        self._plan = plan

    def tensor(self, name: str) -> str:
        """Add the checkpoint's tensor `name`."""
        return self.graph.constant(name, self.checkpoint.tensors[name])

    def tokens(self) -> str:
        """Add the length of the batch's texts, (1,) int64."""
        return self.graph.node("Shape", ["input_ids"], "tokens", start=1, end=2)

    def hidden(self, tokens: str, *, output: str | None = None, leading: bool = False) -> str:
        """Add all layers; the result is the last one's output, (batch, tokens, dim), called `output` if given.

        `leading`: the result holds the first two tokens only, (batch, 2, dim), for poolings that need [CLS] alone. The
        last layer then computes queries, attention output and feed-forward for these two. Two tokens, not one: a
        single row of a float32 product would take another kernel, and a text's bits would change with its batch. Every
        text has two tokens, [CLS] and [SEP].
        """
        if self.masked:
            self.graph.node("Cast", ["attention_mask"], "padding_mask", to=TensorProto.INT32)
        x = self.embeddings(tokens)
        last = self.checkpoint.geometry.num_hidden_layers - 1
        for layer in range(last):
            x = self.layer(x, x, layer)
        return self.layer(self._first_tokens(x) if leading else x, x, last, output=output)

    def mean_of_last_layers(self, count: int, *, output: str) -> str:
        """Add the mean of the last `count` layers' outputs, (batch, tokens, dim), called `output`.

        All layers are there, and none is `leading`. They are added in the order of the layers, as the kernels do.
        """
        layers = self.checkpoint.geometry.num_hidden_layers
        total, *others = map(layer_input, range(layers - count + 1, layers + 1))
        for number, value in enumerate(others, start=2):
            total = self.graph.node("Add", [total, value], f"{output}.sum_of_{number}")
        return self.graph.node("Mul", [total, self.graph.constant(f"{output}.factor", np.float32(1 / count))], output)

    def layer(self, x: str, attended: str, layer: int, *, output: str | None = None) -> str:
        """Add one layer for the tokens `x`, which attend to the tokens `attended`."""
        x = self._attention_block(x, attended, layer)
        return self._feed_forward_block(x, layer, output=output)

    def _first_tokens(self, x: str) -> str:
        bounds = (self.graph.integers(f"leading_{name}", value) for name, value in FIRST_TWO_TOKENS.items())
        return self.graph.node("Slice", [x, *bounds], "leading")

    def embeddings(self, tokens: str) -> str:
        """Add the sum of word, position and type embeddings, normalized: the first layer's input."""
        words = self._plan.words.write(self.graph, WORDS, "input_ids")
        places = self.graph.node("Add", [self._positions(tokens), self._token_types()], "places")
        total = self.graph.node("Add", [words, places], "embeddings.sum")
        return self._layer_norm(total, "embeddings")

    def _positions(self, tokens: str) -> str:
        table = self.tensor(POSITIONS)
        start, axis = self.graph.integers("slice_start", 0), self.graph.integers("slice_axis", 0)
        return self.graph.node("Slice", [table, start, tokens, axis], "positions")

    def _token_types(self) -> str:
        table = self.tensor(TOKEN_TYPES)
        index = "token_type_ids" if self.masked else self.graph.constant("segment_zero", np.int64(0))
        return self.graph.node("Gather", [table, index], "token_types")

    def _attention_block(self, x: str, attended: str, layer: int) -> str:
        query, key, value = self._query_key_value(x, attended, Site(layer, SiteKind.QUERY_KEY_VALUE))
        output = Site(layer, SiteKind.ATTENTION_OUTPUT)
        context = self.graph.node(
            "MultiHeadAttention",
            [query, key, value, *(["", "padding_mask"] if self.masked else [])],
            site_input(output),
            domain=MICROSOFT,
            num_heads=self.checkpoint.geometry.num_attention_heads,
        )
        (projected,) = self._products(context, output)
        total = self.graph.node("Add", [projected, x], f"{layer_name(layer)}.attention.sum")
        return self._layer_norm(total, str(output))

    def _feed_forward_block(self, x: str, layer: int, *, output: str | None) -> str:
        name, last = layer_name(layer), Site(layer, SiteKind.OUTPUT)
        (inner,) = self._products(x, Site(layer, SiteKind.INTERMEDIATE))
        active = self.graph.node("Gelu", [inner], site_input(last), domain=MICROSOFT)
        (projected,) = self._products(active, last)
        total = self.graph.node("Add", [projected, x], f"{name}.sum")
        if layer in self._plan.outliers:
            outliers = self._plan.outliers[layer].write(self.graph, name, x)
            total = self.graph.node("Add", [total, outliers], f"{name}.sum_with_outliers")
        return self._layer_norm(total, str(last), output=output)

    def _query_key_value(self, x: str, attended: str, site: Site) -> list[str]:
        """Add queries of `x`, keys and values of `attended`."""
        if x == attended:
            return self._products(x, site)
        products = self._plan.sites[site]
        query, *others = products.matrices
        return [
            *products.only([query]).write(self.graph, f"{site}.leading", x),
            *products.only(others).write(self.graph, f"{site}.attended", attended),
        ]

    def _products(self, x: str, site: Site) -> list[str]:
        return self._plan.sites[site].write(self.graph, str(site), x)

    def _layer_norm(self, x: str, name: str, *, output: str | None = None) -> str:
        return self.graph.node(
            "LayerNormalization",
            [x, self.tensor(f"{name}.LayerNorm.weight"), self.tensor(f"{name}.LayerNorm.bias")],
            output or f"{name}.normalized",
            axis=-1,
            epsilon=self.checkpoint.geometry.layer_norm_eps,
        )
