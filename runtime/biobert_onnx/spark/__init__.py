"""Spark ML stages with Spark NLP's names, setters and columns, on this runtime; `embed_column` for plain strings."""

try:
    import pyspark  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"Spark stages need the extra 'spark' ({error.name} is missing): pip install 'biobert-onnx[spark]'"
    ) from error

from biobert_onnx.spark.document_assembler import DocumentAssembler
from biobert_onnx.spark.embed_column import embed_column
from biobert_onnx.spark.sentence_detector import SentenceDetector
from biobert_onnx.spark.sentence_embeddings import BertSentenceEmbeddings
from biobert_onnx.spark.vectors import to_vector

__all__ = ["BertSentenceEmbeddings", "DocumentAssembler", "SentenceDetector", "embed_column", "to_vector"]
