"""NLU's pipeline: `load` makes it, `predict` turns texts into a table."""

import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.summary import cosine_lines, search_lines, sentence
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.errors import check_flags, check_int, short_repr
from biobert_onnx.nlu import units
from biobert_onnx.nlu.data import Data, is_spark_frame, pandas, read_data
from biobert_onnx.nlu.output import check_writable, checked_path, write_table
from biobert_onnx.nlu.requests import FROM_DISK, column_name, requested_artifact
from biobert_onnx.nlu.spark_frames import Stages, annotated, collected
from biobert_onnx.nlu.table import Shown, make_table, new_columns, with_origin
from biobert_onnx.nlu.units import DOCUMENT, LEVELS, SENTENCE, TOKEN, Unit

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


class Pipeline:
    """Turns texts into tables with one encoder; `load` makes a pipeline."""

    def __init__(self, encoder: SentenceEncoder, *, artifact: Path, name: str) -> None:
        """`artifact`: the folder of the encoder. `name`: the end of the names of the columns of vectors."""
        self._encoder = encoder
        self._artifact = artifact
        self._name = name

    def predict(
        self,
        data: "str | Sequence[str | None] | NDArray[Any] | pd.Series | pd.DataFrame | DataFrame",
        output_level: str = "",
        output_path: str | os.PathLike[str] = "",
        positions: bool = False,
        keep_stranger_features: bool = True,
        metadata: bool = False,
        multithread: bool = True,
        drop_irrelevant_cols: bool = True,
        return_spark_df: bool = False,
        get_embeddings: bool = True,
        *,
        partition: int | None = None,
        sentence_vectors: bool = False,
    ) -> Any:
        """Return a table of one row a sentence (or document, or token): its text, and its vector, (dim,) float32.

        `data`: a text; a list, tuple, 1-D array or Series of texts; or a DataFrame of pandas or Spark, whose column
        `text`, or else its first one, holds the texts. Each row of the table keeps the index and the columns of its
        text, so both repeat for each sentence.

        The arguments are NLU's, in its order:
        `output_level`: "sentence", which is what "" stands for, "document" or "token". A token is a word or a mark of
        its sentence as `SentenceEncoder.encode_tokens` finds them, and has the vector of its first piece.
        `output_path`: a file, .parquet or .csv, that the table is written to, too.
        `positions`: add begin and end of the row's text and of the texts that it lies in, in code points of the
        document, the end inclusive.
        `keep_stranger_features`: keep all columns of a DataFrame; False keeps that of the texts.
        `metadata`: add the texts that the row's lies in, the index as `origin_index`, and the metadata of the vectors.
        `multithread`: without effect: `threads` of `load` says how many compute, and vectors do not depend on it.
        `drop_irrelevant_cols`: False adds the texts that the row's lies in, and `origin_index`.
        `return_spark_df`: return a frame of Spark with the columns of annotations `document`, `sentence` (at that
        level) and the vectors' in place of the table; `positions` and `metadata` lie in the annotations.
        `get_embeddings`: False leaves the vectors out.

        `partition`: parts that a frame of Spark is cut into; None leaves it as it is (NLU's default is 1,000).
        `sentence_vectors`: at level "document", give each document the vectors of its sentences, (sentences, dim), in
        place of its own; NLU does that.

        Texts without a sentence are dropped, with their index, so the table may have fewer indexes than `data`: a
        missing text (None, NaN, NA) always, as in NLU; a blank text ("" or white space) at level "sentence" and "token"
        only. To keep a row for each text, replace missing ones first, `data["text"].fillna("")`, and use level
        "document".

        Raises TypeError for `data`, an entry or an argument of another type; ValueError for another `output_level`, a
        column of `data` that has the name of a new one, columns or an index that a Parquet file cannot hold, and
        arguments that contradict each other; OSError if `output_path` cannot be written; ArtifactError for level
        "token" if the artifact has no vectors of tokens.
        """
        check_flags(
            positions=positions,
            keep_stranger_features=keep_stranger_features,
            metadata=metadata,
            multithread=multithread,
            drop_irrelevant_cols=drop_irrelevant_cols,
            return_spark_df=return_spark_df,
            get_embeddings=get_embeddings,
            sentence_vectors=sentence_vectors,
        )
        if partition is not None:
            check_int("partition", partition, range(1, sys.maxsize), "the parts of a frame of Spark")
        level = _checked_level(output_level, sentence_vectors=sentence_vectors)
        path = checked_path(output_path)
        shown = Shown(
            level=level,
            vectors=self._column(level) if get_embeddings else None,
            positions=positions,
            metadata=metadata,
            other_levels=not drop_irrelevant_cols,
        )
        if return_spark_df and path is not None:
            raise ValueError(f"output_path is '{path}', with return_spark_df=True: write the frame with its write")
        if return_spark_df:
            stages = self._stages(shown, partition, sentence_vectors=sentence_vectors)
            return annotated(data, stages, keep_stranger_features=keep_stranger_features)
        new = new_columns(shown)
        if is_spark_frame(data):
            stages = self._stages(shown, partition, sentence_vectors=sentence_vectors)
            read, found, vectors = collected(data, stages, keep_stranger_features=keep_stranger_features, new=new)
        else:
            read = read_data(data, keep_stranger_features=keep_stranger_features, new=new)
            if path is not None:
                check_writable(with_origin(read.kept, shown), path)
            found, vectors = self._units(read, shown, sentence_vectors=sentence_vectors)
        table = make_table(read, found, vectors, shown)
        if path is not None:
            write_table(table, path, shown.vectors)
        return table

    def print_info(self, minimal: bool = True) -> None:
        """Print the model, its columns, how faithful it was measured to be, and what `load` can set.

        `minimal`: print the cosines of each set of texts only; False prints those by length, and what searches keep.
        """
        encoder, manifest = self._encoder, self._encoder.manifest
        columns = dict.fromkeys(self._column(level) for level in LEVELS)
        figures = [*cosine_lines(manifest, by_length=not minimal), *(() if minimal else search_lines(manifest))]
        lines = (
            f"{self._artifact}: {sentence(manifest)}",
            f"columns of vectors: {', '.join(columns)}",
            *figures,
            f"nlu.load has set max_length, threads and engine: {encoder!r}",
        )
        print(*lines, sep="\n")  # noqa: T201  NLU prints it, too

    def _column(self, level: str) -> str:
        """Return the name of the column of vectors."""
        return f"{'word' if level == TOKEN else 'sentence'}_embedding_{self._name}"

    def _units(self, data: Data, shown: Shown, *, sentence_vectors: bool) -> tuple[list[Unit], list[FloatArray]]:
        """Return the rows of the table, and the vector of each; no vectors if they are left out."""
        if shown.level == TOKEN:
            return self._tokens(units.sentences(data.texts))
        if sentence_vectors:
            return self._documents_of_sentences(data)
        found = units.sentences(data.texts) if shown.level == SENTENCE else units.documents(data.texts)
        if shown.vectors is None:
            return found, []
        return found, [*self._encoder.encode([unit.parts[shown.level].text for unit in found])]

    def _tokens(self, sentences: list[Unit]) -> tuple[list[Unit], list[FloatArray]]:
        """Return the words of sentences, each with the vector of its first piece, which Spark NLP takes."""
        texts = [unit.parts[SENTENCE].text for unit in sentences]
        words = self._encoder.encode_tokens(texts, words=True, word_pooling="first")
        return [*units.tokens(sentences, words)], [vector for item in words for vector in item.embeddings]

    def _documents_of_sentences(self, data: Data) -> tuple[list[Unit], list[FloatArray]]:
        """Return the documents, each with the vectors of its sentences, (sentences, dim)."""
        found, sentences = units.documents(data.texts), units.sentences(data.texts)
        vectors = self._encoder.encode([unit.parts[SENTENCE].text for unit in sentences])
        ends = np.searchsorted([unit.row for unit in sentences], [unit.row for unit in found], side="right")
        return found, [*np.split(vectors, ends[:-1])] if found else []

    def _stages(self, shown: Shown, partition: int | None, *, sentence_vectors: bool) -> Stages:
        """Return the stages that Spark runs; raises ValueError for what they do not give."""
        if shown.level == TOKEN or sentence_vectors:
            asked = "sentence_vectors=True" if sentence_vectors else f"output_level='{TOKEN}'"
            raise ValueError(f"{asked} gives a table of pandas from data in memory: give frame.toPandas() as data")
        return Stages(
            artifact=self._artifact,
            max_length=self._encoder.max_length,
            engine=self._encoder.engine,
            level=shown.level,
            vectors=shown.vectors,
            partition=partition,
        )


def load(
    request: str | os.PathLike[str] = FROM_DISK,
    path: str | os.PathLike[str] | None = None,
    verbose: bool = False,
    gpu: bool = False,
    streamlit_caching: bool = False,
    apple_silicon: bool = False,
    *,
    folder: str | os.PathLike[str] | None = None,
    max_length: int | None = None,
    threads: int | None = None,
    engine: str | None = None,
) -> Pipeline:
    """Return a pipeline on an artifact: a path, or a model's name, which is that of the artifact's folder.

    `request`: `embed_sentence.biobert`, which is `en.embed_sentence.biobert.pubmed_base_cased`, or another name of
    NLU's; one of Spark NLP's; a short one, `biobert-v1.1`; or a path. A model of the first kind has its artifact in the
    folder `sent_biobert_pubmed_base_cased` or `biobert-v1.1`. Nothing is downloaded.
    `path`: the artifact's folder, wherever it lies; `request` then gives the columns their names, and may be left out.
    `verbose`: call `print_info`.
    `gpu`, `apple_silicon`: only False: all is computed on CPUs, those of Apple included.
    `streamlit_caching`: return the pipeline of an equal call if this process has made one with it.
    `folder`: where artifacts lie by their names; None is the working directory.
    `max_length`, `threads`, `engine`: those of SentenceEncoder.

    Special tokens that a text spells, "[CLS]" for example, are plain text, as in NLU.

    The columns of vectors are `sentence_embedding_biobert` and `word_embedding_biobert` for NLU's names, as in NLU; for
    any other they end with the artifact's name.

    Raises ArtifactError if the artifact is not found, with names like the one given; ValueError for NLU's models of
    words, for several models, and for arguments that contradict each other; what SentenceEncoder raises; and
    ModuleNotFoundError without the extra `pandas`.
    """
    pandas()
    flags = {"verbose": verbose, "gpu": gpu, "streamlit_caching": streamlit_caching, "apple_silicon": apple_silicon}
    check_flags(**flags)
    for name in ("gpu", "apple_silicon"):
        if flags[name]:
            raise ValueError(f"{name} is True, but vectors are computed on CPUs only, those of Apple too: leave it out")
    artifact = requested_artifact(request, path, folder)
    make = _cached_pipeline if streamlit_caching else _pipeline
    pipeline = make(artifact, column_name(request, artifact), max_length, threads, engine)
    if verbose:
        pipeline.print_info()
    return pipeline


def _pipeline(artifact: Path, name: str, max_length: int | None, threads: int | None, engine: str | None) -> Pipeline:
    encoder = SentenceEncoder(
        artifact, max_length=max_length, threads=threads, engine=engine, literal_special_tokens=True
    )
    return Pipeline(encoder, artifact=artifact, name=name)


_cached_pipeline = cache(_pipeline)


def _checked_level(output_level: str, *, sentence_vectors: bool) -> str:
    """Return the level that `output_level` names; "" is NLU's default."""
    level = output_level or SENTENCE
    if level not in LEVELS:
        raise ValueError(f"output_level is {short_repr(output_level)}, expected one of {', '.join(LEVELS)}")
    if sentence_vectors and level != DOCUMENT:
        raise ValueError(f"sentence_vectors is True and output_level is '{level}': it goes with '{DOCUMENT}' only")
    return level
