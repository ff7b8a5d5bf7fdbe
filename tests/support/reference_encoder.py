"""The encoder of a plan in float64 numpy, as the papers write it, rounded to uint8 where the kernels round.

It shares no code and no order of operations with the C, and knows neither tiles nor packed weights.
"""

import math

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.kernels.plan import ATTENTION_BIAS, POSITIONS, TOKEN_TYPES, WORDS, SiteKind, layer_name
from tests.support.kernel_models import DrawnModel

Floats = NDArray[np.float64]

erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu(x: Floats) -> Floats:
    """x Phi(x)."""
    return np.asarray(0.5 * x * (1 + erf(x / math.sqrt(2))))


def gelu_new(x: Floats) -> Floats:
    """GELU's approximation by tanh."""
    return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))


def relu(x: Floats) -> Floats:
    """The positive part."""
    return np.maximum(x, 0)


ACTIVATION = {"gelu": gelu, "gelu_new": gelu_new, "relu": relu}


def layer_norm(x: Floats, gain: Floats, shift: Floats, epsilon: float) -> Floats:
    """Normalize over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon) * gain + shift)


def softmax(scores: Floats) -> Floats:
    """Softmax over the last axis."""
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def attend(query: Floats, key: Floats, value: Floats, bias: Floats) -> Floats:
    """softmax(Q K' / sqrt(size) + bias) V of heads (..., tokens, size)."""
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1]) + bias
    return np.asarray(softmax(scores) @ value)


def round_tokens(x: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the whole steps of each token (..., channels), and its scale and its least value (..., 1)."""
    least = x.min(axis=-1, keepdims=True)
    scale = np.maximum((x.max(axis=-1, keepdims=True) - least) / 255, np.finfo(np.float32).tiny)
    return np.clip(np.rint((x - least) / scale), 0, 255), scale, least


def per_token_product(x: Floats, weight: Floats, weight_scale: Floats, bias: Floats) -> Floats:
    """The product of tokens x (tokens, inputs), which are rounded alone, with whole weights (inputs, outputs)."""
    steps, scale, least = round_tokens(x)
    return np.asarray((steps @ weight) * weight_scale * scale + least * (weight_scale * weight.sum(axis=0)) + bias)


def draw_tokens(random: np.random.Generator, tokens: int, inputs: int) -> NDArray[np.float32]:
    """Draw tokens of very unlike ranges, one of equal values: none of their values is nearly between two steps."""
    steps = random.integers(0, 256, (tokens, inputs)) + random.uniform(-0.4, 0.4, (tokens, inputs))
    steps[:, 0], steps[:, -1] = 0, 255
    steps[tokens // 2] = 100
    values = steps.clip(0, 255) / 255 * np.geomspace(1e-3, 1e3, tokens)[:, None]
    shift = random.uniform(-0.5, 0.5, (tokens, 1)) * values.max(axis=1, keepdims=True)
    return np.asarray(values + shift, dtype=np.float32)


class ReferenceEncoder:
    """Computes vectors of a drawn model."""

    def __init__(self, drawn: DrawnModel) -> None:
        self.plan = drawn.plan
        self.tensors = {name: tensor.astype(np.float64) for name, tensor in drawn.tensors.items()}

    def vectors(self, ids: NDArray[np.int64], token_types: NDArray[np.int64] | None = None) -> Floats:
        """Return (batch, hidden)."""
        hidden = self.hidden(ids, token_types)
        if self.plan.pooling == "pooler":
            weight, bias = self.tensors["pooler.dense.weight"], self.tensors["pooler.dense.bias"]
            vectors = np.tanh(hidden[:, 0] @ weight.T + bias)
        else:
            vectors = {"mean": hidden.mean(axis=1), "max": hidden.max(axis=1), "cls": hidden[:, 0]}[self.plan.pooling]
        if self.plan.after_pooling:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return np.asarray(vectors)

    def hidden(self, ids: NDArray[np.int64], token_types: NDArray[np.int64] | None = None) -> Floats:
        """Return the last layer's output, (batch, tokens, hidden)."""
        words = self.tensors[f"{WORDS}.weight_int8"] * self.tensors[f"{WORDS}.weight_scale"]
        x = words[ids] + self._positions(ids)
        if self.plan.has_token_types:
            x = x + self.tensors[TOKEN_TYPES][np.zeros_like(ids) if token_types is None else token_types]
        x = self._norm(x, "embeddings")
        for layer in self.plan.layers:
            x = self._layer(x, layer)
        return x

    def _positions(self, ids: NDArray[np.int64]) -> Floats:
        if self.plan.padding_id is None:
            return np.asarray(self.tensors[POSITIONS][: ids.shape[1]])
        is_token = ids != self.plan.padding_id
        return np.asarray(self.tensors[POSITIONS][np.cumsum(is_token, axis=1) * is_token])

    def _layer(self, x: Floats, layer: int) -> Floats:
        name = layer_name(layer)
        activation = ACTIVATION[self.plan.activation]
        context = self._context(x, layer)
        x = self._norm(x + self._product(context, f"{name}.attention.output", "dense"), f"{name}.attention.output")
        inner = activation(self._product(x, f"{name}.intermediate", "dense"))
        total = x + self._product(inner, f"{name}.output", "dense")
        if name in self.plan.outlier_units:
            into, bias, out = (
                self.tensors[f"{name}.outliers.{part}"] for part in ("into.weight", "bias", "out.weight")
            )
            total = total + activation(x @ into + bias) @ out
        return self._norm(total, f"{name}.output")

    def _context(self, x: Floats, layer: int) -> Floats:
        site = f"{layer_name(layer)}.{SiteKind.QUERY_KEY_VALUE}"
        batch, tokens, hidden = x.shape
        size = self.plan.head_size

        def heads(part: str) -> Floats:
            return np.asarray(self._product(x, site, part).reshape(batch, tokens, -1, size).swapaxes(1, 2))

        bias = np.zeros((hidden // size, tokens, tokens))
        if self.plan.attention_bias:
            apart = np.arange(tokens)[:, None] - np.arange(tokens) + self.plan.geometry["max_position_embeddings"] - 1
            bias = self.tensors[ATTENTION_BIAS][:, apart]
        context = attend(heads("query"), heads("key"), heads("value"), bias)
        return np.asarray(context.swapaxes(1, 2).reshape(batch, tokens, hidden))

    def _product(self, x: Floats, site: str, matrix: str) -> Floats:
        """x W + b, of a site's input as it is after rounding to uint8."""
        rounded = self._rounded(x, site)
        weight = self.tensors[f"{site}.{matrix}.weight_int8"] * self.tensors[f"{site}.{matrix}.weight_scale"]
        return np.asarray(rounded @ weight + self.tensors[f"{site}.{matrix}.bias"])

    def _rounded(self, x: Floats, site: str) -> Floats:
        record = self.plan.sites[site]
        if record.get("smoothing"):
            x = x * self.tensors[f"{site}.inverse_smoothing"]
        if record["products"] == "static":
            whole = np.clip(np.rint(x / record["scale"] + record["zero_point"]), 0, 255)
            return np.asarray((whole - record["zero_point"]) * record["scale"])
        steps, scale, least = round_tokens(x)
        return np.asarray(steps * scale + least)

    def _norm(self, x: Floats, name: str) -> Floats:
        gain, shift = (self.tensors[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return layer_norm(x, gain, shift, self.plan.geometry["layer_norm_eps"])
