"""Vectors of a plain column of strings, without annotations."""

import os
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import StringType, StructField

from biobert_onnx.spark.annotations import EMBEDDINGS, ENGINE, float_lists, strings
from biobert_onnx.spark.arrow_column import with_column
from biobert_onnx.spark.columns import check_column
from biobert_onnx.spark.worker import RemoteEncoder, locate, remote_encoder

TEXTS_PER_BATCH = 2048
"""Texts that are encoded together: enough to fill micro-batches of one length, few enough to take little memory."""


def embed_column(
    frame: DataFrame,
    artifact: str | os.PathLike[str],
    input_col: str,
    output_col: str,
    *,
    max_length: int | None = None,
    engine: str | None = None,
) -> DataFrame:
    """Return `frame` with the column `output_col` of array<float>: the vector of each text of `input_col`, unsplit.

    A null text gets an empty array; "" is a text. `artifact`: a path, or a name as for
    `BertSentenceEmbeddings.pretrained`. `max_length`: tokens that texts are cut to; None takes the artifact's.
    `engine`: "kernels" or "onnxruntime"; None takes what the driver would take. Every executor must run it; the
    column's metadata names it as `engine`.

    Raises ArtifactError if the artifact does not exist, ValueError for a column of another type, a `max_length` out of
    range or an `engine` that cannot run on the driver, ModuleNotFoundError if a local session's workers run a Python
    without this package: all before any task starts.
    """
    check_column(frame, input_col)
    data_type = frame.schema[input_col].dataType
    if not isinstance(data_type, StringType):
        raise ValueError(f"the column '{input_col}' is {data_type.simpleString()}, expected string: cast it")
    encoder = remote_encoder(locate(os.fspath(artifact), None), max_length, engine)
    return with_column(
        frame,
        StructField(output_col, EMBEDDINGS, metadata={ENGINE: encoder.engine}),
        sources=[input_col],
        compute=partial(vector_lists, encoder=encoder),
        max_items=TEXTS_PER_BATCH,
    )


def vector_lists(column: pa.Array, *, encoder: RemoteEncoder) -> pa.Array:
    """Return the vector of each text as a list of float32, an empty list for null."""
    texts = strings(column)
    vectors = encoder.encode([text for text in texts if text is not None])
    lengths = np.where([text is None for text in texts], 0, encoder.manifest.dim)
    return float_lists(vectors, lengths.tolist())
