"""CTranslate2's encoder with int8 weights."""

from pathlib import Path

import numpy as np

from benchmarks.harness.subjects import Subject
from benchmarks.peers.padded import Encode, FloatArray, Ints, padded_encode


def convert_ctranslate2(subject: Subject, folder: Path) -> None:
    """Convert the checkpoint by CTranslate2's own converter, with int8 weights."""
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(subject.checkpoint)).convert(str(folder / "model"), quantization="int8")


def load_ctranslate2(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """Load ctranslate2.Encoder, which takes token ids without padding and pads or packs them."""
    import ctranslate2

    encoder = ctranslate2.Encoder(
        str(folder / "model"), compute_type="int8", inter_threads=streams, intra_threads=threads // streams
    )

    def hidden(input_ids: Ints, mask: Ints) -> FloatArray:
        lists = [ids[:length].tolist() for ids, length in zip(input_ids, mask.sum(axis=1), strict=True)]
        return np.array(encoder.forward_batch(lists).last_hidden_state)

    return padded_encode(subject, hidden, streams=streams)
