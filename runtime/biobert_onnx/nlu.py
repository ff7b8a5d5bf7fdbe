"""One call from text to a pandas table with vectors: the interface of John Snow Labs' `nlu`."""

import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._extras import requires_extra
from biobert_onnx.catalog.models import NLU_PREFIX
from biobert_onnx.catalog.names import find_artifact
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.errors import short_repr
from biobert_onnx.sentences import Sentence, split

if TYPE_CHECKING:
    import pandas as pd

LEVELS = ("sentence", "document")
"""The texts of a table's rows: `output_level` is one of these."""


class Pipeline:
    """Turns texts into tables with one encoder; `load` makes a pipeline."""

    def __init__(self, encoder: SentenceEncoder, *, column: str) -> None:
        """`column`: the name of the column of vectors."""
        self._encoder = encoder
        self._column = column

    def predict(
        self,
        data: "str | Sequence[str] | NDArray[Any] | pd.Series | pd.DataFrame",
        output_level: str = "sentence",
        *,
        positions: bool = False,
        metadata: bool = False,
    ) -> "pd.DataFrame":
        """Return a table of one row a sentence (or document): its text, and its vector as a float32 array (dim,).

        `data`: a text, a sequence, Series or 1-D array of texts, or a DataFrame whose column `text` (or else its first)
        holds them. Each row keeps the index and the other columns of its text, so both repeat for each sentence.
        `output_level`: "sentence" splits texts, "document" does not.
        `positions`: add begin and end of the sentence in its text, in code points, the end inclusive, as in NLU.
        `metadata`: add the number of the sentence in its text.

        Texts without a sentence are dropped, with their index, so the table may have fewer indexes than `data`: a
        missing text (None, NaN, NA) always, as in NLU; a blank text ("" or white space) at level "sentence" only. To
        keep a row for each text, replace missing ones first, `data["text"].fillna("")`, and use level "document".

        Raises TypeError for `data` or an entry of another type, ValueError for another `output_level` or a column of
        `data` that has the name of a new one.
        """
        if output_level not in LEVELS:
            raise ValueError(f"output_level is {output_level!r}, expected one of {', '.join(LEVELS)}")
        texts, others = _texts_and_others(data)
        found = [
            (row, number, sentence)
            for row, text in texts
            for number, sentence in enumerate(split(text) if output_level == "sentence" else [_whole(text)])
        ]
        columns: dict[str, Any] = {output_level: [sentence.text for _, _, sentence in found]}
        if positions:
            columns[f"{output_level}_begin"] = _integers(sentence.begin for _, _, sentence in found)
            columns[f"{output_level}_end"] = _integers(sentence.end - 1 for _, _, sentence in found)
        columns[self._column] = list(self._encoder.encode(columns[output_level]))
        if metadata:
            columns[f"{self._column}_origin_sentence"] = _integers(number for _, number, _ in found)
        return _joined(columns, others.iloc[[row for row, _, _ in found]])


def load(
    name_or_artifact: str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] | None = None,
    max_length: int | None = None,
    threads: int | None = None,
    engine: str | None = None,
) -> Pipeline:
    """Return a pipeline on an artifact: a path, or a model's name; the artifact's folder then has Spark NLP's name.

    `en.embed_sentence.biobert.pubmed_base_cased` is the artifact `sent_biobert_pubmed_base_cased`, in `folder` or else
    in the working directory. The column of vectors is `sentence_embedding_biobert` for NLU's names, as in NLU, and
    `sentence_embedding_` with the artifact's name for any other.
    `max_length`, `threads`, `engine`: as for SentenceEncoder.

    Raises ArtifactError if the artifact is not found, what SentenceEncoder raises, and ModuleNotFoundError without the
    extra `pandas`.
    """
    _pandas()
    artifact = find_artifact(name_or_artifact, folder=folder)
    short = "biobert" if os.fspath(name_or_artifact).startswith(NLU_PREFIX) else re.sub(r"\W", "_", artifact.name)
    encoder = SentenceEncoder(artifact, max_length=max_length, threads=threads, engine=engine)
    return Pipeline(encoder, column=f"sentence_embedding_{short}")


def _texts_and_others(data: Any) -> tuple[list[tuple[int, str]], "pd.DataFrame"]:
    """Return row number and text of each text that is not missing, and the other columns of all rows."""
    table = _table(data)
    column = "text" if "text" in table.columns else table.columns[0]
    texts = []
    for row, text in enumerate(table[column]):
        if isinstance(text, str):
            texts.append((row, text))
        elif not _pandas().api.types.is_scalar(text) or not _pandas().isna(text):
            raise TypeError(
                f"the text at index {table.index[row]!r} is {short_repr(text)}, of type {type(text).__name__}: every "
                "text must be a str or missing"
            )
    return texts, table.drop(columns=column)


def _table(data: Any) -> "pd.DataFrame":
    pandas = _pandas()
    if isinstance(data, str):
        return pandas.DataFrame({"text": [data]})
    if isinstance(data, pandas.Series):
        return pandas.DataFrame({"text": data})
    if isinstance(data, list | tuple) or (isinstance(data, np.ndarray) and data.ndim == 1):
        return pandas.DataFrame({"text": pandas.Series(data, dtype=object)})
    if isinstance(data, pandas.DataFrame) and len(data.columns):
        return data
    raise TypeError(
        f"data is of type {type(data).__name__}, expected a text, a list, 1-D array or Series of texts, or a DataFrame "
        "with a column of texts; for Spark use biobert_onnx.spark.embed_column"
    )


def _integers(values: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64)


def _whole(text: str) -> Sentence:
    return Sentence(begin=0, end=len(text), text=text)


def _joined(columns: dict[str, Any], others: "pd.DataFrame") -> "pd.DataFrame":
    clashing = [name for name in columns if name in others.columns]
    if clashing:
        raise ValueError(f"the data has a column '{clashing[0]}', the name of a new one: rename or drop it")
    table = _pandas().DataFrame(columns, index=others.index)
    for name in others.columns:
        table[name] = others[name].array
    return table


def _pandas() -> Any:
    with requires_extra("pandas", by="a table"):
        import pandas
    return pandas
