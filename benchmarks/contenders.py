"""Encoders to compare: each is a function of (checkpoint, artifact, threads) that returns texts -> vectors.

A contender brings its own imports, so that its process holds nothing of the others.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Encode = Callable[[Sequence[str]], NDArray[np.float32]]

PYTORCH_BATCH = 8
"""Texts a padded batch, sorted by length: on 2 cores 4 to 16 are equal within noise, 32 and more are slower."""


def ours(checkpoint: Path, artifact: Path, threads: int) -> Encode:
    """This project's runtime on `artifact`."""
    from biobert_onnx import SentenceEncoder

    return SentenceEncoder(artifact, threads=threads).encode


def pytorch(checkpoint: Path, artifact: Path, threads: int) -> Encode:
    """transformers' BertModel in float32, mean pooling, batches sorted by length; texts cut as `artifact` cuts them."""
    import torch
    from tokenizers import Tokenizer
    from transformers import BertModel, logging

    from biobert_onnx import Manifest

    logging.set_verbosity_error()  # it would list the pooler's weights as unused
    torch.set_num_threads(threads)
    manifest = Manifest.read(artifact)
    tokenizer = Tokenizer.from_file(str(artifact / "tokenizer.json"))
    tokenizer.enable_truncation(manifest.max_length)
    tokenizer.enable_padding()
    model = BertModel.from_pretrained(checkpoint, add_pooling_layer=False).eval()

    @torch.inference_mode()
    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), manifest.dim), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), PYTORCH_BATCH):
            chosen = order[start : start + PYTORCH_BATCH]
            batch = tokenizer.encode_batch([texts[index] for index in chosen])
            ids = torch.tensor([encoding.ids for encoding in batch])
            mask = torch.tensor([encoding.attention_mask for encoding in batch])
            hidden = model(ids, attention_mask=mask).last_hidden_state
            weights = mask[:, :, None].float()
            vectors[chosen] = ((hidden * weights).sum(dim=1) / weights.sum(dim=1)).numpy()
        if manifest.normalized:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    return encode


CONTENDERS = {"ours": ours, "pytorch": pytorch}
