"""BertSentenceEmbeddings: gives document or sentence annotations their vectors."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from biobert_onnx.spark.annotations import DOCUMENT, SENTENCE_EMBEDDINGS, Annotation, Annotations
from biobert_onnx.spark.encoder_stage import EncoderStage
from biobert_onnx.spark.stage import Annotator
from biobert_onnx.spark.worker import RemoteEncoder


class BertSentenceEmbeddings(EncoderStage):
    """Gives each annotation of the input column the vector of its text; that of "" is the vector of `[CLS] [SEP]`.

    `pretrained`, `load` or `loadSavedModel` make it.
    """

    reads = (DOCUMENT,)
    writes = SENTENCE_EMBEDDINGS

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(outputCol=SENTENCE_EMBEDDINGS)

    def annotator(self) -> Annotator:
        """Return what embeds sentences; raises ArtifactError or ValueError if a param does not fit the artifact."""
        return partial(embed_sentences, encoder=self.encoder())


def embed_sentences(sentences: Annotations, *, encoder: RemoteEncoder) -> Annotations:
    """Return the sentences with their vectors."""
    rows = [[with_token_metadata(sentence) for sentence in row] for row in sentences.rows]
    return Annotations(rows=rows, vectors=encoder.encode([sentence.result for sentence in sentences.flat]))


def with_token_metadata(sentence: Annotation) -> Annotation:
    """Add the metadata that Spark NLP gives to an embedded sentence."""
    own: Mapping[str, str] = {"token": sentence.result, "pieceId": "-1", "isWordStart": "true"}
    return replace(sentence, metadata={"sentence": "0", **sentence.metadata, **own})
