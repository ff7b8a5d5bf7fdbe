"""Bounds that no contender can beat: the integer matrix products alone, and the imports alone.

They take turns with the contenders, in processes of the same kind, so that they can be compared.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.harness.subjects import Subject
from benchmarks.peers.contender import Contender, prepare_nothing
from benchmarks.peers.padded import Encode
from biobert_onnx._types import FloatArray

PRODUCTS = "integer products alone"
IMPORTS = "imports and tokenizer alone"

PRODUCT_TOKENS = 512
"""Tokens in one product: twice those of a full micro-batch of the runtime."""


def write_products(subject: Subject, folder: Path) -> None:
    """Write a graph of the linear layers of the subject's int8 graph and nothing else, with random weights."""
    from biobert_onnx_export.graph.matmul import Int8Matrix, integer_product
    from biobert_onnx_export.graph.writer import GraphWriter, WeightsFile

    chance = np.random.default_rng(0)
    shapes = [(subject.dim, subject.dim)] * 4 + [
        (subject.dim, subject.intermediate),
        (subject.intermediate, subject.dim),
    ]
    with WeightsFile(folder / "model.onnx_data") as weights:
        graph = GraphWriter(weights)
        scale, zero_point = graph.constant("scale", np.float32(1)), graph.constant("zero_point", np.uint8(128))
        ones = graph.node("ConstantOfShape", ["shape"], "ones")
        inputs = {subject.dim: graph.node("QuantizeLinear", [ones, scale, zero_point], "narrow")}
        repeats = graph.integers("repeats", 1, subject.intermediate // subject.dim)
        inputs[subject.intermediate] = graph.node("Tile", [inputs[subject.dim], repeats], "wide")
        for layer in range(subject.layers):
            for place, (rows, columns) in enumerate(shapes):
                weight = chance.integers(-63, 64, size=(rows, columns)).astype(np.int8)
                scales = np.ones(columns, dtype=np.float32)
                matrix = Int8Matrix(weight=weight, scale=scales, bias=scales)
                name = f"layer{layer}.{place}"
                product = integer_product(graph, inputs[rows], name, matrix, scale, zero_point, bias=True)
        graph.write(folder / "products.onnx", inputs={"shape": (2,)}, outputs={product: (None, subject.dim)})


def load_products(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """Load a function that runs the products for as many tokens as the texts have, one run a thread.

    Its vectors are zeros.
    """
    from biobert_onnx.encoding.sessions import open_session

    session, tokenizer = open_session(folder / "products.onnx"), subject.tokenizer()
    counted: dict[str, int] = {}

    def run(rows: int) -> None:
        session.run(None, {"shape": np.array([rows, subject.dim], dtype=np.int64)})

    def encode(texts: Sequence[str], batch: int) -> FloatArray:
        new = [text for text in texts if text not in counted]
        counted.update(zip(new, (len(found.ids) for found in tokenizer.encode_batch_fast(new)), strict=True))
        tokens = sum(counted[text] for text in texts)
        with ThreadPoolExecutor(threads) as workers:
            list(workers.map(run, [*[PRODUCT_TOKENS] * (tokens // PRODUCT_TOKENS), tokens % PRODUCT_TOKENS]))
        return np.zeros((len(texts), subject.dim), dtype=np.float32)

    return encode


def load_imports(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """Load the tokenizer, and a function that encodes nothing: its vectors are zeros."""
    subject.tokenizer()
    return lambda texts, batch: np.zeros((len(texts), subject.dim), dtype=np.float32)


BOUNDS = {
    PRODUCTS: Contender(
        precision="int8",
        installs=("biobert-onnx",),
        imports=("onnxruntime", "tokenizers"),
        prepare=write_products,
        load=load_products,
        batched=False,
    ),
    IMPORTS: Contender(
        precision="none",
        installs=("biobert-onnx",),
        imports=("numpy", "onnxruntime", "tokenizers"),
        prepare=prepare_nothing,
        load=load_imports,
        batched=False,
    ),
}
