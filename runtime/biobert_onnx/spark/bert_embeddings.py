"""BertEmbeddings: gives tokens their vectors in the context of their sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
from pyspark.ml.param import Param, Params, TypeConverters

from biobert_onnx.artifact.manifest import LAST, Manifest
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.spark.annotations import DOCUMENT, TOKEN, WORD_EMBEDDINGS, Annotation, Annotations, utf16_offsets
from biobert_onnx.spark.encoder_stage import EncoderStage
from biobert_onnx.spark.sentence_numbers import of_sentences, sentence_number
from biobert_onnx.spark.stage import Annotator
from biobert_onnx.spark.token_rules import Span
from biobert_onnx.spark.word_pieces import FirstPiece, NetworkText, first_words, piece_vectors, whole_texts
from biobert_onnx.spark.worker import RemoteEncoder, local_folder

TOKENS_PER_BATCH_SIZE = 1024
"""Tokens whose vectors a worker computes together for each unit of batchSize: 8,192 for Spark NLP's default of 8."""


class BertEmbeddings(EncoderStage):
    """Gives each token the vector of its first word piece, of the network's last layer, neither pooled nor scaled.

    The network reads the first word of every token, as Spark NLP's does, or by `setWholeTokens` whole sentences. Tokens
    of which it reads nothing have no annotation: those behind maxSentenceLength, and those without a letter.
    `pretrained`, `load` or `loadSavedModel` make the stage.
    """

    reads = (DOCUMENT, TOKEN)
    writes = WORD_EMBEDDINGS

    batchSize: Param[int] = Param(Params._dummy(), "batchSize", "x 1024 tokens at a time", TypeConverters.toInt)
    wholeTokens: Param[bool] = Param(
        Params._dummy(), "wholeTokens", "the network reads whole sentences", TypeConverters.toBoolean
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(outputCol=WORD_EMBEDDINGS, wholeTokens=False)

    def setWholeTokens(self, value: bool) -> Self:
        """Set whether the network reads whole sentences, and not only the first word of each token."""
        return self._set(wholeTokens=value)

    def annotator(self) -> Annotator:
        """Return what embeds tokens; raises ArtifactError or ValueError if a param does not fit the artifact."""
        encoder = self.encoder()
        encoder.manifest.check_token_layers(local_folder(encoder.artifact), LAST)
        cased, whole = self.getOrDefault(self.caseSensitive), self.getOrDefault(self.wholeTokens)
        return partial(embed_words, encoder=encoder, case_sensitive=cased, whole_tokens=whole)

    def max_annotations(self) -> int:
        """Return batchSize in tokens."""
        return TOKENS_PER_BATCH_SIZE * int(self.getOrDefault(self.batchSize))

    def _dimension(self, manifest: Manifest) -> int:
        return manifest.token_dim


@dataclass(frozen=True, kw_only=True)
class _Sentence:
    """A sentence that has tokens, with the number of its row."""

    row: int
    number: str
    text: Annotation
    tokens: list[Annotation]


def embed_words(
    sentences: Annotations, tokens: Annotations, *, encoder: RemoteEncoder, case_sensitive: bool, whole_tokens: bool
) -> Annotations:
    """Return an annotation with a vector for each token of which the network reads a piece, sentence by sentence."""
    read = _sentences(sentences, tokens)
    texts = (_whole_texts if whole_tokens else _first_words)(read, encoder.tokenizer())
    rows: list[list[Annotation]] = [[] for _ in sentences.rows]
    vectors = [np.empty((0, encoder.manifest.token_dim), dtype=np.float32)]
    for sentence, text, item in zip(read, texts, encoder.encode_tokens([text.text for text in texts]), strict=True):
        pieces, of_pieces = piece_vectors(text, item)
        rows[sentence.row] += [_word(sentence, piece, case_sensitive=case_sensitive) for piece in pieces]
        vectors.append(of_pieces)
    return Annotations(rows=rows, vectors=np.concatenate(vectors))


def _sentences(sentences: Annotations, tokens: Annotations) -> list[_Sentence]:
    """Return the sentences that have tokens, in order."""
    return [
        _Sentence(
            row=row,
            number=sentence_number(sentence, place),
            text=sentence,
            tokens=[of_row[token] for token in own],
        )
        for row, (in_row, of_row) in enumerate(zip(sentences.rows, tokens.rows, strict=True))
        for place, (sentence, own) in enumerate(zip(in_row, of_sentences(in_row, of_row), strict=True))
        if own
    ]


def _first_words(sentences: Sequence[_Sentence], tokenizer: TextTokenizer) -> list[NetworkText]:
    return first_words([[token.result for token in sentence.tokens] for sentence in sentences], tokenizer)


def _whole_texts(sentences: Sequence[_Sentence], tokenizer: TextTokenizer) -> list[NetworkText]:
    texts = [sentence.text.result for sentence in sentences]
    return whole_texts(texts, [_spans(sentence) for sentence in sentences], tokenizer)


def _spans(sentence: _Sentence) -> list[Span]:
    """Return where each token of a sentence begins and ends in its text, in characters."""
    units = utf16_offsets(sentence.text.result)
    begin = sentence.text.begin
    starts = np.searchsorted(units, [token.begin - begin for token in sentence.tokens]).tolist()
    stops = np.searchsorted(units, [token.end + 1 - begin for token in sentence.tokens]).tolist()
    return list(zip(starts, stops, strict=True))


def _word(sentence: _Sentence, piece: FirstPiece, *, case_sensitive: bool) -> Annotation:
    """Return the annotation of the token that begins with `piece`; isOOV is false for every piece in Spark NLP, too."""
    token = sentence.tokens[piece.token]
    result = token.result if case_sensitive else token.result.lower()
    metadata = {
        "sentence": sentence.number,
        "isOOV": "false",
        "isWordStart": "true",
        "pieceId": str(piece.piece_id),
        "token": result,
    }
    return replace(token, result=result, metadata=metadata)
