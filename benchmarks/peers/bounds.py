"""Bounds that no contender can beat: the CPU's integer products alone, and the imports of the kernels engine alone.

They take turns with the contenders, in processes of the same kind, so that they can be compared.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.harness.subjects import Subject
from benchmarks.peers.contender import Contender, prepare_nothing
from benchmarks.peers.padded import Encode, FloatArray

PRODUCTS = "integer products alone"
IMPORTS = "imports and tokenizer alone"

PEAK = "peak.so"
"""The file of the compiled loop in the bound's folder."""


def compile_products(subject: Subject, folder: Path) -> None:
    """Compile the loop of the kernel that this CPU takes."""
    from benchmarks.machine.peak import compile_peak

    compile_peak(_kernel(), folder / PEAK)


def load_products(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """Load a function that makes as many multiply-adds as the texts need, in registers, on all threads.

    Its tokens a second are the CPU's peak over the multiply-adds of a token. Its vectors are zeros.
    """
    from benchmarks.machine.peak import Peak

    peak, tokenizer, workers = Peak(folder / PEAK, _kernel()), subject.tokenizer(), ThreadPoolExecutor(threads)
    counted: dict[str, int] = {}

    def encode(texts: Sequence[str], batch: int) -> FloatArray:
        new = [text for text in texts if text not in counted]
        counted.update(zip(new, (len(found.ids) for found in tokenizer.encode_batch_fast(new)), strict=True))
        share = sum(counted[text] for text in texts) * subject.multiply_adds / threads
        list(workers.map(peak.run, [share] * threads))
        return np.zeros((len(texts), subject.dim), dtype=np.float32)

    return encode


def _kernel() -> str:
    """Return the kernel's name; raises ValueError if this CPU has none."""
    from benchmarks.machine.cpus import kernel_name

    kernel = kernel_name()
    if kernel is None:
        raise ValueError("this project has no kernel for this CPU, so it is not known which products are its fastest")
    return kernel


def load_imports(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """Load the tokenizer, and a function that encodes nothing: its vectors are zeros."""
    subject.tokenizer()
    return lambda texts, batch: np.zeros((len(texts), subject.dim), dtype=np.float32)


BOUNDS = {
    PRODUCTS: Contender(
        precision="int8",
        installs=("biobert-onnx",),
        imports=("numpy", "tokenizers"),
        prepare=compile_products,
        load=load_products,
        batched=False,
    ),
    IMPORTS: Contender(
        precision="none",
        installs=("biobert-onnx",),
        imports=("numpy", "tokenizers"),
        prepare=prepare_nothing,
        load=load_imports,
        batched=False,
    ),
}
