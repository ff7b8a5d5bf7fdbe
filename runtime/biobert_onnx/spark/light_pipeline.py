"""LightPipeline: runs the stages of a pipeline on strings, in this process and without a Spark job."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from pyspark.ml import PipelineModel, Transformer
from pyspark.sql import DataFrame

from biobert_onnx.encoding.texts import check_sequence
from biobert_onnx.errors import short_repr
from biobert_onnx.spark.annotations import DOCUMENT, TYPES_WITH_VECTORS, Annotations
from biobert_onnx.spark.columns import input_columns
from biobert_onnx.spark.document_assembler import DocumentAssembler
from biobert_onnx.spark.finisher import Finisher
from biobert_onnx.spark.stage import Annotator, AnnotatorStage

TEXTS_PER_BATCH = 256
"""Texts of a list that are annotated together; no annotation depends on it."""

SMALLEST_DECIMAL, SMALLEST_SCIENTIFIC = 1e-3, 1e7
"""The magnitudes from which, and below which, Java writes a float without an exponent (`Float.toString`)."""

Columns = dict[str, Annotations]
"""The annotations of each column, a row a text."""


@dataclass(frozen=True, kw_only=True)
class LightAnnotation:
    """One annotation, with the fields of Spark NLP's; `begin` and `end` (inclusive) count UTF-16 units.

    `embeddings` is empty unless the LightPipeline was made with `parse_embeddings=True`.
    """

    annotatorType: str
    begin: int
    end: int
    result: str
    metadata: Mapping[str, str]
    embeddings: list[float] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class _Step:
    """What makes the column `output`, of annotations of type `writes`, of the columns `sources`."""

    output: str
    writes: str
    sources: Sequence[str]
    annotate: Annotator


class LightPipeline:
    """Annotates strings with the stages of a fitted pipeline; the annotations are those that `transform` gives.

    DocumentAssembler, the stages between, and Finisher are run as in Spark NLP: a Finisher leaves its input columns
    alone, EmbeddingsFinisher and the models of Spark ML do nothing here, and a stage with `setLazyAnnotator(True)` is
    left out. The encoder takes all CPUs of this process. `parse_embeddings`: whether the vectors are given, too.

    Raises TypeError for what is no fitted pipeline; ValueError if a stage reads a column that no stage before it makes,
    or if a param is wrong; ArtifactError if an artifact is missing or damaged.
    """

    def __init__(self, pipelineModel: PipelineModel, parse_embeddings: bool = False) -> None:
        if not isinstance(pipelineModel, PipelineModel):
            raise TypeError(
                f"LightPipeline takes a PipelineModel, got {type(pipelineModel).__name__}: give what Pipeline.fit "
                "returns"
            )
        self.pipeline_model = pipelineModel
        self.parse_embeddings = parse_embeddings
        self._ignore_unsupported = False
        stages = list(_flat(pipelineModel))
        self._assemblers = [stage for stage in stages if isinstance(stage, DocumentAssembler)]
        self._steps, self._shown = _steps(stages)

    def annotate(self, target: str | Sequence[str | None]) -> dict[str, list[str]] | list[dict[str, list[str]]]:
        """Return the results of each column, for a text a dict, for a list of texts a list of dicts.

        With `parse_embeddings`, columns of vectors have their numbers, parted by blanks, in place of results. None is
        an empty document, as null is for DocumentAssembler. Raises TypeError for anything but texts.
        """
        found = [
            {name: [self._string(annotation) for annotation in annotations] for name, annotations in columns.items()}
            for columns in self.fullAnnotate(target)
        ]
        return found[0] if isinstance(target, str) else found

    def fullAnnotate(self, target: str | Sequence[str | None]) -> list[dict[str, list[LightAnnotation]]]:
        """Return a dict of each column's annotations for each text, in a list for one text, too.

        Raises TypeError for anything but a text or a list of texts.
        """
        texts = [target] if isinstance(target, str) else _checked(target)
        batches = (texts[start : start + TEXTS_PER_BATCH] for start in range(0, len(texts), TEXTS_PER_BATCH))
        return [row for batch in batches for row in self._annotated(batch)]

    def transform(self, dataframe: DataFrame) -> DataFrame:
        """Return what the pipeline's own `transform` returns."""
        return self.pipeline_model.transform(dataframe)

    def setIgnoreUnsupported(self, value: bool) -> Self:
        """Accept Spark NLP's setting, which has no meaning here: no stage of this package is unsupported."""
        self._ignore_unsupported = value
        return self

    def getIgnoreUnsupported(self) -> bool:
        """Return what `setIgnoreUnsupported` set."""
        return self._ignore_unsupported

    def _annotated(self, texts: Sequence[str | None]) -> list[dict[str, list[LightAnnotation]]]:
        """Return the shown columns of each text."""
        columns: Columns = {
            assembler.getOutputCol(): assembler.light_documents(texts) for assembler in self._assemblers
        }
        for step in self._steps:
            columns[step.output] = step.annotate(*(columns[source] for source in step.sources))
        shown = {name: self._rows(columns[name], kind) for name, kind in self._shown.items()}
        return [{name: rows[row] for name, rows in shown.items()} for row in range(len(texts))]

    def _rows(self, annotations: Annotations, kind: str) -> list[list[LightAnnotation]]:
        vectors = iter(self._vectors(annotations))
        return [
            [
                LightAnnotation(
                    annotatorType=kind,
                    begin=annotation.begin,
                    end=annotation.end,
                    result=annotation.result,
                    metadata=dict(annotation.metadata),
                    embeddings=next(vectors),
                )
                for annotation in row
            ]
            for row in annotations.rows
        ]

    def _vectors(self, annotations: Annotations) -> list[list[float]]:
        """Return the vector of each annotation, empty if it has none or if vectors are not wanted."""
        if not self.parse_embeddings:
            return [[] for _ in annotations.flat]
        return [
            [] if number in annotations.missing else vector
            for number, vector in enumerate(annotations.vectors.tolist())
        ]

    def _string(self, annotation: LightAnnotation) -> str:
        if self.parse_embeddings and annotation.annotatorType in TYPES_WITH_VECTORS:
            return " ".join(map(java_float, np.array(annotation.embeddings, dtype=np.float32)))
        return annotation.result


def java_float(value: np.float32) -> str:
    """Return a finite float32 as Java writes it: the fewest digits that name it, with an exponent if big or small.

    The rules are those of `Float.toString` in Java's documentation.

    >>> [java_float(np.float32(value)) for value in (0, -0.25, 12345678, 1e-4)]
    ['0.0', '-0.25', '1.2345678E7', '1.0E-4']
    """
    if value == 0 or SMALLEST_DECIMAL <= abs(value) < SMALLEST_SCIENTIFIC:
        return np.format_float_positional(value, trim="0")
    return np.format_float_scientific(value, trim="0", exp_digits=1).replace("e+", "E").replace("e", "E")


def _flat(pipeline: PipelineModel) -> Iterator[Transformer]:
    """Yield the stages of a pipeline, and those of pipelines in it."""
    for stage in pipeline.stages:
        if isinstance(stage, PipelineModel):
            yield from _flat(stage)
        else:
            yield stage


def _steps(stages: Iterable[Transformer]) -> tuple[list[_Step], dict[str, str]]:
    """Return what is computed, in order, and the annotator type of each column that is shown."""
    kinds: dict[str, str] = {}
    steps = []
    shown: dict[str, str] = {}
    for stage in stages:
        if isinstance(stage, DocumentAssembler):
            kinds[stage.getOutputCol()] = shown[stage.getOutputCol()] = DOCUMENT
        elif isinstance(stage, AnnotatorStage) and not stage.getLazyAnnotator():
            steps.append(_step(stage, kinds))
            kinds[stage.getOutputCol()] = shown[stage.getOutputCol()] = stage.writes
        elif isinstance(stage, Finisher):
            shown = {name: kind for name, kind in shown.items() if name in stage.getInputCols()}
    return steps, shown


def _step(stage: AnnotatorStage, kinds: Mapping[str, str]) -> _Step:
    unknown = [column for column in input_columns(stage) if column not in kinds]
    if unknown:
        raise ValueError(
            f"{type(stage).__name__} reads '{unknown[0]}', which no stage before it makes for LightPipeline; there are "
            f"{', '.join(kinds) or 'no columns'}: put the stage that makes it before, without setLazyAnnotator(True)"
        )
    return _Step(
        output=stage.getOutputCol(), writes=stage.writes, sources=stage.sources(kinds), annotate=stage.annotator()
    )


def _checked(texts: Sequence[str | None]) -> list[str | None]:
    """Return a list of texts; raises TypeError for anything else."""
    check_sequence(texts, call="[text], a list")
    for index, text in enumerate(texts):
        if not (text is None or isinstance(text, str)):
            raise TypeError(f"target[{index}] is {short_repr(text)}, a {type(text).__name__}, expected a text or None")
    return list(texts)
