"""Spark ML stages with Spark NLP's names, setters and columns, on this runtime; `embed_column` for plain strings."""

from biobert_onnx._extras import requires_extra

with requires_extra("spark", by="a Spark stage"):
    from biobert_onnx.spark.document_assembler import DocumentAssembler
    from biobert_onnx.spark.embed_column import embed_column
    from biobert_onnx.spark.sentence_detector import SentenceDetector
    from biobert_onnx.spark.sentence_embeddings import BertSentenceEmbeddings
    from biobert_onnx.spark.vectors import to_vector

__all__ = ["BertSentenceEmbeddings", "DocumentAssembler", "SentenceDetector", "embed_column", "to_vector"]
