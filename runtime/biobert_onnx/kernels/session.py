"""One artifact's encoder on one kernel: token ids in, vectors out."""

import ctypes
from collections import deque

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.manifest import LAST, MEAN_LAST_FOUR
from biobert_onnx.errors import CLOSED
from biobert_onnx.kernels import library as c
from biobert_onnx.kernels.packed import NORM_PARTS, Arrays, aligned_bytes, zero_point
from biobert_onnx.kernels.plan import ACTIVATIONS, POOLINGS, KernelPlan, SiteKind

DONE, ID_OUT_OF_RANGE, TOKEN_TYPE_OUT_OF_RANGE = 0, 2, 5
"""Results of `encode` in library.c."""

POOLED = 0
OUTPUTS = {LAST: 1, MEAN_LAST_FOUR: 2}
"""The values of `enum output` in model.h: the vectors of texts, or those of tokens, for each of TOKEN_LAYERS."""

MOST_TOKENS = 2**24
"""The largest micro-batch in tokens: MOST_ROWS_OF_BATCH in library.c."""

KEPT_BYTES = 32 * 2**20
"""The largest workspace that is kept for the next micro-batch."""


class KernelSession:
    """Computes micro-batches of one artifact; any number of threads may run it, before and after a fork."""

    def __init__(self, plan: KernelPlan, arrays: Arrays, kernel: c.Kernel, *, threads: int) -> None:
        """Take the packed `arrays` of `plan`, which has passed its checks. `threads`: workspaces to keep at most."""
        self.kernel = kernel
        self._library = c.load_library()
        self._arrays: Arrays | None = arrays
        self._hidden = plan.geometry["hidden_size"]
        self._words = plan.geometry["vocab_size"]
        self._model: c.Model | None = _model(plan, arrays)
        self._spaces: deque[NDArray[np.uint8]] = deque(maxlen=threads)

    def run(
        self, input_ids: NDArray[np.int64], threads: int, token_types: NDArray[np.int64] | None = None
    ) -> FloatArray:
        """Return the vectors (batch, dim) of `input_ids` (batch, tokens), the same bits for any `threads` from 1 on.

        `token_types`: (batch, tokens), None if all are 0. Raises ValueError for token ids, token types or a length that
        the encoder has not, for token types of another shape, and after `close`.
        """
        vectors = np.empty((len(input_ids), self._hidden), dtype=np.float32)
        return self._encode(input_ids, threads, POOLED, vectors, token_types)

    def token_vectors(self, input_ids: NDArray[np.int64], threads: int, layers: str) -> FloatArray:
        """Return the vectors (batch, tokens, hidden_size) of the tokens `input_ids`, the same bits for any `threads`.

        `layers`: one of TOKEN_LAYERS. Raises as `run` does.
        """
        vectors = np.empty((*input_ids.shape, self._hidden), dtype=np.float32)
        return self._encode(input_ids, threads, OUTPUTS[layers], vectors)

    def _encode(
        self,
        input_ids: NDArray[np.int64],
        threads: int,
        output: int,
        vectors: FloatArray,
        token_types: NDArray[np.int64] | None = None,
    ) -> FloatArray:
        """Fill `vectors` with what `output` asks for, and return them."""
        if threads < 1:
            raise ValueError(f"threads is {threads}, expected 1 or more")
        arrays, model = self._arrays, self._model  # they live until this call ends, whoever closes the session
        if arrays is None or model is None:
            raise ValueError(CLOSED)
        ids = np.ascontiguousarray(input_ids, dtype=np.int64)
        types = None if token_types is None else np.ascontiguousarray(token_types, dtype=np.int64)
        if types is not None and types.shape != ids.shape:
            raise ValueError(f"token_types has the shape {types.shape}, expected {ids.shape}, that of input_ids")
        batch, tokens = ids.shape
        if batch == 0:
            return vectors
        size = self._library.workspace_bytes(model, batch, tokens, threads)
        if size == 0:
            raise ValueError(
                f"input_ids has the shape {ids.shape}, expected texts of 1 to {model.positions} tokens, and at most "
                f"{MOST_TOKENS:,} tokens together"
            )
        space = self._workspace(size)
        result = self._library.encode(
            model,
            self.kernel.index,
            ids.ctypes.data,
            None if types is None else types.ctypes.data,
            batch,
            tokens,
            output,
            vectors.ctypes.data,
            space.ctypes.data,
            size,
            threads,
        )
        if len(space) <= KEPT_BYTES:
            self._spaces.append(space)
        if self._arrays is None:  # another thread has closed the session meanwhile
            self._spaces.clear()
        if result == ID_OUT_OF_RANGE:
            raise ValueError(f"input_ids holds ids of {ids.min()} to {ids.max()}, expected 0 to {self._words - 1}")
        if types is not None and result == TOKEN_TYPE_OUT_OF_RANGE:
            raise ValueError(
                f"token_types holds types of {types.min()} to {types.max()}, expected 0 to {model.token_types - 1}"
            )
        if result != DONE:
            raise RuntimeError(f"the kernel {self.kernel.name} returned {result} for input_ids of shape {ids.shape}")
        return vectors

    def close(self) -> None:
        """Give the memory back; a micro-batch that runs now is finished first."""
        self._arrays = self._model = None
        self._spaces.clear()

    def _workspace(self, size: int) -> NDArray[np.uint8]:
        """Return a workspace of `size` bytes or more that no other call uses."""
        try:
            space = self._spaces.pop()
        except IndexError:
            return aligned_bytes(size)
        return space if len(space) >= size else aligned_bytes(size)


def _model(plan: KernelPlan, arrays: Arrays) -> c.Model:
    sizes = plan.geometry
    layers = (c.Layer * len(plan.layers))(*(_layer(plan, arrays, layer) for layer in plan.layers))
    has_pooler = plan.pooling == "pooler"
    return c.Model(
        hidden=sizes["hidden_size"],
        heads=sizes["num_attention_heads"],
        head_size=plan.head_size,
        inner=sizes["intermediate_size"],
        layers=len(plan.layers),
        words=sizes["vocab_size"],
        positions=sizes["max_position_embeddings"],
        padding_id=-1 if plan.padding_id is None else plan.padding_id,
        token_types=plan.token_types,
        activation=ACTIVATIONS.index(plan.activation),
        pooling=POOLINGS.index(plan.pooling),
        unit_length=plan.makes_unit_length,
        epsilon=sizes["layer_norm_eps"],
        word_vectors=arrays["words"].ctypes.data,
        word_scales=arrays["word_scales"].ctypes.data,
        position_vectors=arrays["positions"].ctypes.data,
        embedding_norm=_norm(arrays, "embeddings"),
        layer=ctypes.cast(layers, ctypes.POINTER(c.Layer)),  # which keeps the array alive
        pooler_weight=arrays["pooler.weight"].ctypes.data if has_pooler else None,
        pooler_bias=arrays["pooler.bias"].ctypes.data if has_pooler else None,
    )


def _layer(plan: KernelPlan, arrays: Arrays, layer: int) -> c.Layer:
    matrices = {name: _matrix(arrays, f"{layer}.{kind}") for name, kind in zip(MATRIX_FIELDS, SiteKind, strict=True)}
    outliers = {name: _address(arrays, f"{layer}.outliers.{name}") for name in ("into", "bias", "out")}
    return c.Layer(
        **matrices,
        sites=(c.Site * len(SiteKind))(*(_site(plan, layer, kind) for kind in SiteKind)),
        attention_norm=_norm(arrays, f"{layer}.attention"),
        output_norm=_norm(arrays, f"{layer}.output"),
        outliers=c.Outliers(**outliers),
        attention_bias=_address(arrays, "attention_bias"),
    )


MATRIX_FIELDS = ("query_key_value", "attention_output", "intermediate", "output")


def _matrix(arrays: Arrays, name: str) -> c.Matrix:
    outputs = len(arrays[f"{name}.scale"])
    addresses = {
        part: _address(arrays, f"{name}.{part}") for part in ("tiles", "start", "sums", "scale", "weight_sums", "bias")
    }
    return c.Matrix(inputs=len(arrays[f"{name}.tiles"]) // outputs, outputs=outputs, **addresses)


def _norm(arrays: Arrays, name: str) -> c.Norm:
    return c.Norm(**{part: _address(arrays, f"{name}.{part}") for part in NORM_PARTS})


def _site(plan: KernelPlan, layer: int, kind: SiteKind) -> c.Site:
    record = plan.site(layer, kind)
    is_static = record["products"] == "static"
    return c.Site(
        per_token=not is_static,
        inverse_scale=np.float32(1) / np.float32(record["scale"]) if is_static else 1,
        zero_point=zero_point(plan, layer, kind),
    )


def _address(arrays: Arrays, name: str) -> int | None:
    """The address of an array, None for one that there is not."""
    return arrays[name].ctypes.data if name in arrays else None
