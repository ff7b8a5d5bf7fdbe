"""fastembed with a custom model."""

from pathlib import Path

import numpy as np

from benchmarks.harness.subjects import Subject
from benchmarks.peers.padded import Encode


def load_fastembed(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """Load fastembed's custom model on this project's float32 artifact, with its own pooling and normalization."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        model="benchmark/subject",
        pooling=PoolingType.MEAN,
        normalization=subject.normalized,
        sources=ModelSource(hf="benchmark/subject"),
        dim=subject.dim,
        additional_files=["model.onnx_data"],
        model_file="model.onnx",
    )
    model = TextEmbedding("benchmark/subject", specific_model_path=str(folder / "artifact"), threads=threads)
    return lambda texts, batch: np.array(list(model.embed(list(texts), batch_size=batch)), dtype=np.float32)
