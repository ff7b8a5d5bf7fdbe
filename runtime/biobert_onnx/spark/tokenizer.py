"""Tokenizer: finds the words of documents or sentences, by the rules of `token_rules`."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

from pyspark.errors import AnalysisException
from pyspark.ml import Estimator
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx.spark.annotations import DOCUMENT, TOKEN, Annotation, Annotations, utf16_offsets
from biobert_onnx.spark.columns import AnnotationColumns
from biobert_onnx.spark.stage import Annotator, AnnotatorStage
from biobert_onnx.spark.token_rules import CONTEXT_CHARS, MAX_LENGTH, TARGET_PATTERN, TokenFinder, TokenRules

SENTENCES_PER_BATCH = 4096
"""Sentences in which a worker finds tokens at a time."""

READ_AS = ("TEXT", "SPARK")
"""Spark NLP's ways to read a file: as text, or by a format of Spark."""

RULES = {
    "targetPattern": "target_pattern",
    "contextChars": "context_chars",
    "prefixPattern": "prefix_pattern",
    "suffixPattern": "suffix_pattern",
    "infixPatterns": "infix_patterns",
    "exceptions": "exceptions",
    "caseSensitiveExceptions": "case_sensitive_exceptions",
    "splitPattern": "split_pattern",
    "splitChars": "split_chars",
    "minLength": "min_length",
    "maxLength": "max_length",
}
"""The field of TokenRules for each of Spark NLP's params."""


class TokenizerColumns(AnnotationColumns):
    """The columns and params that Tokenizer and TokenizerModel share. Wrong patterns are refused when they are set."""

    reads = (DOCUMENT,)

    targetPattern: Param[str] = Param(
        Params._dummy(), "targetPattern", "the characters of tokens, as a character class", TypeConverters.toString
    )
    contextChars: Param[list[str]] = Param(
        Params._dummy(), "contextChars", "characters that part from the ends of words", TypeConverters.toListString
    )
    prefixPattern: Param[str] = Param(
        Params._dummy(), "prefixPattern", "what leads a word, in groups, from \\A on", TypeConverters.toString
    )
    suffixPattern: Param[str] = Param(
        Params._dummy(), "suffixPattern", "what trails a word, in groups, up to \\z", TypeConverters.toString
    )
    infixPatterns: Param[list[str]] = Param(
        Params._dummy(), "infixPatterns", "what a word is, each group a token", TypeConverters.toListString
    )
    exceptions: Param[list[str]] = Param(
        Params._dummy(), "exceptions", "regular expressions of words that stay whole", TypeConverters.toListString
    )
    caseSensitiveExceptions: Param[bool] = Param(
        Params._dummy(), "caseSensitiveExceptions", "exceptions tell cases apart", TypeConverters.toBoolean
    )
    splitPattern: Param[str] = Param(
        Params._dummy(), "splitPattern", "what cuts tokens, and is left out", TypeConverters.toString
    )
    splitChars: Param[list[str]] = Param(
        Params._dummy(), "splitChars", "characters that cut tokens, and are left out", TypeConverters.toListString
    )
    minLength: Param[int] = Param(Params._dummy(), "minLength", "leave shorter tokens out", TypeConverters.toInt)
    maxLength: Param[int] = Param(Params._dummy(), "maxLength", "leave longer tokens out", TypeConverters.toInt)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(
            outputCol=TOKEN,
            targetPattern=TARGET_PATTERN,
            contextChars=list(CONTEXT_CHARS),
            caseSensitiveExceptions=True,
            minLength=0,
            maxLength=MAX_LENGTH,
        )

    def setSplitPattern(self, value: str) -> Self:
        """Set the regular expression that cuts tokens; it goes before splitChars."""
        return self._set_rule("splitPattern", value)

    def setSplitChars(self, value: list[str]) -> Self:
        """Set the characters that cut tokens."""
        return self._set_rule("splitChars", value)

    def addSplitChars(self, value: str) -> Self:
        """Add one to the characters that cut tokens."""
        return self.setSplitChars([*self._listed("splitChars"), value])

    def rules(self) -> TokenRules:
        """Return the rules that the params make."""
        params = {name: self.getOrDefault(name) for name in RULES if self.isDefined(name)}
        return TokenRules(**{RULES[name]: _frozen(value) for name, value in params.items()})

    def _set_rule(self, name: str, value: Any) -> Self:
        """Set the param `name`; raises TypeError or ValueError, and sets nothing, for a wrong value."""
        try:
            converted = self.getParam(name).typeConverter(value)
        except TypeError as error:
            raise TypeError(f"{name} is {value!r}: {error}") from error
        TokenFinder(TokenRules(**{RULES[name]: _frozen(converted)}))
        return self._set(**{name: converted})

    def _listed(self, name: str) -> list[str]:
        return list(self.getOrDefault(name)) if self.isDefined(name) else []


class Tokenizer(
    Estimator["TokenizerModel"], TokenizerColumns, DefaultParamsReadable["Tokenizer"], DefaultParamsWritable
):
    """Makes a TokenizerModel, which finds the tokens. `fit` reads no data but the file of exceptions."""

    exceptionsPath: Param[str] = Param(
        Params._dummy(), "exceptionsPath", "a text file of exceptions, one a line", TypeConverters.toString
    )

    def setTargetPattern(self, value: str) -> Self:
        r"""Set the characters that tokens are made of, as a character class holds them: `\S+` or `a-z0-9`."""
        return self._set_rule("targetPattern", value)

    def setContextChars(self, value: list[str]) -> Self:
        """Set the characters that part from the ends of words."""
        return self._set_rule("contextChars", value)

    def addContextChars(self, value: str) -> Self:
        """Add one to the characters that part from the ends of words."""
        return self.setContextChars([*self._listed("contextChars"), value])

    def setPrefixPattern(self, value: str) -> Self:
        r"""Set what leads a word: a regular expression that begins with `\A`, with a group for each token."""
        return self._set_rule("prefixPattern", value)

    def setSuffixPattern(self, value: str) -> Self:
        r"""Set what trails a word: a regular expression that ends with `\z`, with a group for each token."""
        return self._set_rule("suffixPattern", value)

    def setInfixPatterns(self, value: list[str]) -> Self:
        """Set what a word is: regular expressions with a group for each token; the first that matches counts."""
        return self._set_rule("infixPatterns", value)

    def addInfixPattern(self, value: str) -> Self:
        """Put a regular expression before the infix patterns; where none are set, it is the only one."""
        return self.setInfixPatterns([value, *self._listed("infixPatterns")])

    def setExceptions(self, value: list[str]) -> Self:
        """Set regular expressions of words that stay whole."""
        return self._set_rule("exceptions", value)

    def addException(self, value: str) -> Self:
        """Add one to the exceptions."""
        return self.setExceptions([*self._listed("exceptions"), value])

    def setExceptionsPath(self, path: str, read_as: str = "TEXT", options: dict[str, str] | None = None) -> Self:
        """Set a file of exceptions, one a line, of any file system that Hadoop reads; `fit` reads it.

        Raises ValueError unless `read_as` is "TEXT" or "SPARK" and the format in `options` is "text".
        """
        if read_as not in READ_AS:
            raise ValueError(f"read_as is {read_as!r}, expected one of {', '.join(READ_AS)}")
        if (options or {}).get("format", "text") != "text":
            raise ValueError(f"options is {options!r}, expected the format 'text': one exception a line")
        return self._set(exceptionsPath=path)

    def setCaseSensitiveExceptions(self, value: bool) -> Self:
        """Set whether exceptions tell cases apart."""
        return self._set(caseSensitiveExceptions=value)

    def setMinLength(self, value: int) -> Self:
        """Set the length, in UTF-16 units, below which tokens are left out."""
        return self._set_rule("minLength", value)

    def setMaxLength(self, value: int) -> Self:
        """Set the length, in UTF-16 units, above which tokens are left out."""
        return self._set_rule("maxLength", value)

    def _fit(self, dataset: DataFrame) -> "TokenizerModel":
        model = self._copyValues(TokenizerModel())
        if self.isDefined(self.exceptionsPath):
            path = self.getOrDefault(self.exceptionsPath)
            lines = _lines(path, dataset.sparkSession)
            try:
                model._set_rule("exceptions", [*lines, *self._listed("exceptions")])
            except ValueError as error:
                raise ValueError(f"in the file of exceptionsPath, {path!r}: {error}") from error
        model.annotator()
        return model


class TokenizerModel(AnnotatorStage, TokenizerColumns, DefaultParamsReadable["TokenizerModel"]):
    """Makes a token annotation of each word of the documents or sentences.

    `begin` and `end` (inclusive) are the offsets of the token in its document, in UTF-16 units.
    """

    writes = TOKEN

    def annotator(self) -> Annotator:
        """Return what finds tokens; raises ValueError if two params contradict each other."""
        return partial(find_tokens, finder=TokenFinder(self.rules()))

    def max_annotations(self) -> int:
        """Return SENTENCES_PER_BATCH."""
        return SENTENCES_PER_BATCH


def find_tokens(sentences: Annotations, *, finder: TokenFinder) -> Annotations:
    """Return the tokens of each row's sentences, which carry the numbers of their sentences."""
    return Annotations.without_vectors(
        [
            [token for place, sentence in enumerate(row) for token in _tokens(sentence, place, finder)]
            for row in sentences.rows
        ]
    )


def _tokens(sentence: Annotation, place: int, finder: TokenFinder) -> list[Annotation]:
    offsets = utf16_offsets(sentence.result)
    number = sentence.metadata.get("sentence", str(place))
    return [
        Annotation(
            begin=sentence.begin + offsets[start],
            end=sentence.begin + offsets[stop] - 1,
            result=sentence.result[start:stop],
            metadata={"sentence": number},
        )
        for start, stop in finder.find(sentence.result)
    ]


def _lines(path: str, spark: SparkSession) -> list[str]:
    """Return the lines of the file at `path` that are not empty; raises FileNotFoundError if there is none."""
    try:
        rows = spark.read.text(path).collect()
    except AnalysisException as error:
        raise FileNotFoundError(f"exceptionsPath is {path!r}, which cannot be read: {error}") from error
    return [row.value for row in rows if row.value]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
