"""DataFrames with texts come in, DataFrames with vectors go out: Spark NLP's stages, and `embed_column`.

May import `sentences/` and what stands below it; imported by `nlu/` and by users (saved pipelines hold the names of
its modules).
"""

from biobert_onnx._extras import requires_extra

with requires_extra("spark", by="a Spark stage"):
    from biobert_onnx.spark.bert_embeddings import BertEmbeddings
    from biobert_onnx.spark.biomedical_sentence_detector import BiomedicalSentenceDetector
    from biobert_onnx.spark.document_assembler import DocumentAssembler
    from biobert_onnx.spark.embed_column import embed_column
    from biobert_onnx.spark.embeddings_finisher import EmbeddingsFinisher
    from biobert_onnx.spark.finisher import Finisher
    from biobert_onnx.spark.light_pipeline import LightAnnotation, LightPipeline
    from biobert_onnx.spark.pooled_words import SentenceEmbeddings
    from biobert_onnx.spark.sentence_detector import SentenceDetector
    from biobert_onnx.spark.sentence_embeddings import BertSentenceEmbeddings
    from biobert_onnx.spark.tokenizer import Tokenizer, TokenizerModel
    from biobert_onnx.spark.vectors import to_vector

__all__ = [
    "BertEmbeddings",
    "BertSentenceEmbeddings",
    "BiomedicalSentenceDetector",
    "DocumentAssembler",
    "EmbeddingsFinisher",
    "Finisher",
    "LightAnnotation",
    "LightPipeline",
    "SentenceDetector",
    "SentenceEmbeddings",
    "Tokenizer",
    "TokenizerModel",
    "embed_column",
    "to_vector",
]
