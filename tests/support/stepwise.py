"""A pipeline whose vectors are known without a network: the number of words of each text."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.encoding.micro_batches import Run
from biobert_onnx.encoding.pipeline import Options, Pipeline
from biobert_onnx.encoding.tokenizer import TextTokenizer

OPTIONS = Options(dim=1, normalize=False, long_texts="truncate", prompt="")


def sums_of_words(
    input_ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Return (batch, 1): the tokens of each window without [CLS] and [SEP], the words of a text "a a a"."""
    return np.full((len(input_ids), 1), input_ids.shape[1] - 2, dtype=np.float32)


def words_pipeline(
    artifact: Path, run: Run = sums_of_words, *, threads: int = 1, max_length: int = 512, dim: int = 1
) -> Pipeline:
    """Return a pipeline with the tokenizer of `artifact` that computes with `run`."""
    tokenizer = TextTokenizer(artifact / "tokenizer.json")
    return Pipeline(tokenizer=tokenizer, run=run, dim=dim, max_length=max_length, normalized=False, threads=threads)
