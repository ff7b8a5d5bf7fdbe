"""An encoder, written node by node from a checkpoint's tensors and a plan: token ids in, hidden states out.

The same lines write the float32 form, which is compared with the reference and calibrated, and the quantized form of
the artifact; only the plan differs. Architecture: BERT (Devlin et al. 2018, arXiv 1810.04805), as in transformers'
BertModel, post-LayerNorm; with what the geometry adds to it or leaves out (`checkpoint/families.py`).
"""

import numpy as np
from onnx import TensorProto

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.plan import POSITIONS, TOKEN_TYPES, WORDS, SiteKind, layer_name
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.tensors import PROJECTION
from biobert_onnx_export.graph.activation import write_activation
from biobert_onnx_export.graph.lookup import FloatTable
from biobert_onnx_export.graph.matmul import FloatMatrix, FloatProducts, unpacked_product
from biobert_onnx_export.graph.plan import Plan, Site, sites
from biobert_onnx_export.graph.relative_positions import write_attention_bias
from biobert_onnx_export.graph.writer import MICROSOFT, GraphWriter

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


def counted_positions(checkpoint: Checkpoint) -> FloatArray:
    """Return the vectors of counted positions, (positions + 1, dim) float32: that of padding tokens comes first."""
    return checkpoint.tensors[POSITIONS][checkpoint.geometry.padding_id :]


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
        SiteKind.OUTPUT: f"{layer}.active",
    }[site.kind]


class Network:
    """Writes one encoder into `graph`; every method returns the name of the value that it adds.

    `masked` decides the inputs of the graph. False: input_ids alone, and all texts of a batch have one length. True:
    attention_mask and token_type_ids as well, for programs that pad. `pairs`: an unmasked graph takes token_type_ids.
    """

    def __init__(
        self, checkpoint: Checkpoint, plan: Plan, graph: GraphWriter, *, masked: bool, pairs: bool = False
    ) -> None:
        """Start the encoder of `checkpoint`, whose sites are multiplied according to `plan`."""
        self.checkpoint = checkpoint
        self.graph = graph
        self.masked = masked
        self._has_token_types = masked or pairs
        self._plan = plan
        self._bias: str | None = None

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
        """Add the sum of word, position and type embeddings, normalized and projected: the first layer's input."""
        geometry = self.checkpoint.geometry
        words = self._plan.words.write(self.graph, WORDS, "input_ids")
        places = self._positions(tokens)
        if geometry.type_vocab_size:
            places = self.graph.node("Add", [places, self._token_types()], "places")
        total = self.graph.node("Add", [words, places], "embeddings.sum")
        if geometry.embedding_size == geometry.hidden_size:
            return self._layer_norm(total, "embeddings", output=layer_input(0))
        return self._project(self._layer_norm(total, "embeddings", output="embeddings.unprojected"))

    def _positions(self, tokens: str) -> str:
        """Add the vector of each token's position, (tokens, dim), or (batch, tokens, dim) where they are counted."""
        padding_id = self.checkpoint.geometry.padding_id
        if padding_id is not None:
            return self._counted_positions(padding_id)
        table = self.tensor(POSITIONS)
        start, axis = self.graph.integers("slice_start", 0), self.graph.integers("slice_axis", 0)
        return self.graph.node("Slice", [table, start, tokens, axis], "positions")

    def _counted_positions(self, padding_id: int) -> str:
        """Add the positions by counting the tokens that are no padding, as `create_position_ids_from_input_ids` does.

        Row 0 of the table is that of padding tokens, wherever they stand; row 1 is that of the first other token.
        """
        graph = self.graph
        table = graph.constant(POSITIONS, counted_positions(self.checkpoint))
        is_padding = graph.node(
            "Equal", ["input_ids", graph.constant("padding_id", np.int64(padding_id))], "is_padding"
        )
        is_token = graph.node("Cast", [graph.node("Not", [is_padding], "is_token")], "is_one", to=TensorProto.INT64)
        count = graph.node("CumSum", [is_token, graph.constant("count_axis", np.int64(1))], "token_count")
        place = graph.node("Mul", [count, is_token], "position_ids")
        return graph.node("Gather", [table, place], "positions")

    def _project(self, x: str) -> str:
        """Add the product that gives word vectors the hidden size; the weight is unpacked, as that of outlier units."""
        weight, bias = (self.checkpoint.tensors[f"{PROJECTION}.{part}"] for part in ("weight", "bias"))
        product = unpacked_product(self.graph, x, PROJECTION, np.ascontiguousarray(weight.T))
        return self.graph.node("Add", [product, self.graph.constant(f"{PROJECTION}.bias", bias)], layer_input(0))

    def _token_types(self) -> str:
        table = self.tensor(TOKEN_TYPES)
        index = "token_type_ids" if self._has_token_types else self.graph.constant("segment_zero", np.int64(0))
        return self.graph.node("Gather", [table, index], "token_types")

    def _attention_block(self, x: str, attended: str, layer: int) -> str:
        query, key, value = self._query_key_value(x, attended, Site(layer, SiteKind.QUERY_KEY_VALUE))
        output = Site(layer, SiteKind.ATTENTION_OUTPUT)
        mask, bias = "padding_mask" if self.masked else "", self._attention_bias(attended, leading=x != attended)
        context = self.graph.node(
            "MultiHeadAttention",
            [query, key, value, *_without_trailing("", mask, bias)],
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
        active = write_activation(self.graph, inner, site_input(last), self.checkpoint.geometry.hidden_act)
        (projected,) = self._products(active, last)
        total = self.graph.node("Add", [projected, x], f"{name}.sum")
        if layer in self._plan.outliers:
            units = self._plan.outliers[layer]
            outliers = units.write(self.graph, name, x, self.checkpoint.geometry.hidden_act)
            total = self.graph.node("Add", [total, outliers], f"{name}.sum_with_outliers")
        return self._layer_norm(total, str(last), output=output)

    def _attention_bias(self, attended: str, *, leading: bool) -> str:
        """Add the bias of relative positions, (1, heads, tokens, tokens), "" if the encoder has none.

        It is written once, as all layers share it, from the number of tokens in `attended`. `leading`: the rows of the
        first two tokens.
        """
        graph = self.graph
        if not self.checkpoint.geometry.relative_attention_num_buckets:
            return ""
        if self._bias is None:
            self._bias = write_attention_bias(graph, attended, self.checkpoint)
        if not leading:
            return self._bias
        start, end = (graph.integers(f"leading_{name}", FIRST_TWO_TOKENS[name]) for name in ("start", "end"))
        bounds = [start, end, graph.integers("leading_query_axis", 2)]
        return graph.node("Slice", [self._bias, *bounds], "attention_bias.leading")

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


def _without_trailing(*inputs: str) -> list[str]:
    """Return the optional `inputs` of a node up to the last one that is there."""
    present = [index for index, name in enumerate(inputs) if name]
    return list(inputs[: present[-1] + 1]) if present else []
