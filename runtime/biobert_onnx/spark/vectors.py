"""The vector type of Spark ML's models."""

from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as sql
from pyspark.sql.types import ArrayType, FloatType, StructType

from biobert_onnx.spark.columns import check_column, quoted


def to_vector(frame: DataFrame, input_col: str, output_col: str) -> DataFrame:
    """Return `frame` with the column `output_col` of Spark ML vectors, one vector a row.

    `input_col`: the output of `BertSentenceEmbeddings`, which is exploded to one annotation a row, or of
    `embed_column`. Rows without a vector are left out, as models need vectors of one length. Raises ValueError for
    another column.
    """
    check_column(frame, input_col)
    data_type = frame.schema[input_col].dataType
    column = quoted(input_col)
    if (
        isinstance(data_type, ArrayType)
        and isinstance(data_type.elementType, StructType)
        and "embeddings" in data_type.elementType.names
    ):
        rows = frame.withColumn(input_col, sql.explode(column))
        numbers = sql.col(f"{column}.embeddings")
    elif isinstance(data_type, ArrayType) and isinstance(data_type.elementType, FloatType):
        rows, numbers = frame, sql.col(column)
    else:
        raise ValueError(
            f"the column '{input_col}' is {data_type.simpleString()}, expected the output of BertSentenceEmbeddings or "
            "embed_column"
        )
    return rows.where(sql.size(numbers) > 0).withColumn(output_col, array_to_vector(numbers))
