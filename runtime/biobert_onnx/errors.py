"""The errors and the warnings of this package, and how their messages show a value."""

import json
import reprlib
import sys
from typing import SupportsIndex

import numpy as np

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 40

MAX_CHARACTERS = 60
"""Of a value in a message."""

CLOSED = "the encoder is closed: make a new SentenceEncoder"
"""What the ValueError of every call after `close` says."""


class ArtifactError(ValueError):
    """An artifact folder is missing, incomplete, damaged or of another format."""


class BundleError(ValueError):
    """The zip could not be made: a dependency could not be had, or all is too large."""


class EngineError(ValueError):
    """An engine was asked for, or is the only one for a packed artifact, and cannot run the artifact here.

    `artifact`: its path. `reason`: why not, as a clause after "because". `engine`: the one that cannot run it.
    `other`: what runs it if none is asked for, None if nothing does here. `was_pickled`: a pickled encoder asked for
    `engine`, because it ran on it where it was made.
    """

    def __init__(
        self,
        artifact: str,
        reason: str,
        engine: str = "kernels",
        other: str | None = "onnxruntime",
        was_pickled: bool = False,
    ) -> None:
        """Say that `engine` cannot run `artifact`, because `reason`, but `other` can."""
        super().__init__(artifact, reason, engine, other, was_pickled)
        self.artifact, self.reason, self.engine, self.other = artifact, reason, engine, other
        self.was_pickled = was_pickled

    def __str__(self) -> str:
        if self.other is None:
            return (
                f"only the kernels run the packed artifact '{self.artifact}', and they cannot here, because "
                f"{self.reason}: take the artifact that it was made from, which onnxruntime runs, too"
            )
        asked, remedy = "engine is", f"leave engine= out to get {self.other}"
        if self.was_pickled:
            asked = "the engine of the pickled encoder is"
            remedy = (
                f"pickle one that was made with engine='{self.other}', or install biobert-onnx with its kernels here"
            )
        pronoun = "they" if self.engine == "kernels" else "it"
        return (
            f"{asked} '{self.engine}', but {pronoun} cannot run '{self.artifact}' here, because {self.reason}: {remedy}"
        )


class EngineWarning(UserWarning):
    """onnxruntime computes, unasked, the vectors of an artifact that was measured on the kernels."""


class TextTooLongError(ValueError):
    """A text cannot be encoded whole: it has too many tokens, or a word without end.

    `index`: its place in the call or stream. `max_length`: the tokens that were allowed, None if a word is the reason.
    `has_prompt`: whether a prompt was put before the text, whose tokens count, too. `is_pair`: whether its two texts
    have too many tokens together.
    """

    def __init__(
        self,
        index: int,
        *,
        argument: str = "texts",
        max_length: int | None = None,
        word_characters: int = 0,
        has_prompt: bool = False,
        is_pair: bool = False,
    ) -> None:
        """Say that `argument`[`index`] has over `max_length` tokens, or else a word of over `word_characters`."""
        if max_length is not None and is_pair:
            prompt = " and the prompt before them" if has_prompt else ""
            reason = f"more than {max_length:,} tokens in its two texts{prompt}"
            remedy = "shorten one, or choose long_texts='truncate': windows are for single texts"
        elif max_length is not None and has_prompt:
            reason = f"more than {max_length:,} tokens together with the prompt before it"
            remedy = "shorten the text or the prompt, or choose long_texts='window' or 'truncate'"
        elif max_length is not None:
            reason = f"more than {max_length:,} tokens"
            remedy = "split it, or choose long_texts='window' or 'truncate'"
        else:
            reason = f"a word of more than {word_characters:,} characters"
            remedy = "split it, or drop it"
        super().__init__(f"{argument}[{index}] has {reason}: {remedy}")
        self.index, self.max_length, self.word_characters = index, max_length, word_characters
        self.has_prompt, self.is_pair = has_prompt, is_pair

    def at(self, index: int, *, argument: str, has_prompt: bool = False) -> "TextTooLongError":
        """The same error of the entry `index` of `argument`, which `has_prompt` if it is True here or there."""
        return TextTooLongError(
            index,
            argument=argument,
            max_length=self.max_length,
            word_characters=self.word_characters,
            has_prompt=self.has_prompt or has_prompt,
            is_pair=self.is_pair,
        )


class TruncationWarning(UserWarning):
    """Texts had more tokens than the encoder takes and were cut.

    `cut`: how many. `texts`: how many texts the call had.
    """

    def __init__(self, cut: int, texts: int) -> None:
        """Say that `cut` of `texts` texts were cut."""
        super().__init__(cut, texts)
        self.cut, self.texts = cut, texts

    def __str__(self) -> str:
        return (
            f"{self.cut:,} of {self.texts:,} texts have more tokens than max_length and were cut there: split them, "
            "encode them whole with long_texts='window', or raise max_length if the checkpoint has more positions"
        )


def short_repr(value: object) -> str:
    """Return at most 60 characters of the value's repr.

    >>> short_repr("a" * 100)
    "'aaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaa'"
    """
    return _SHORT.repr(value)[:MAX_CHARACTERS]


def json_fault(error: ValueError | RecursionError) -> str:
    """Say what `error`, one of `json.loads`, means, in the same words on every Python.

    >>> json_fault(RecursionError("maximum recursion depth exceeded")), json_fault(RecursionError("Stack overflow"))
    ('arrays or objects are nested too deeply', 'arrays or objects are nested too deeply')
    """
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not valid {error.encoding.upper()}"
    if isinstance(error, RecursionError):
        return "arrays or objects are nested too deeply"
    return "a number has too many digits"


def check_int(name: str, value: object, allowed: range, meaning: str) -> int:
    """Return `value`, the argument `name`, as an int; raise ValueError unless it is a whole number in `allowed`.

    A range that ends at sys.maxsize stands for one without an upper bound. `meaning` ends the message: what the number
    counts, or what to do. A bool is no number here.

    >>> check_int("threads", 2, range(1, 9), "leave it out")
    2
    """
    number = value.__index__() if isinstance(value, SupportsIndex) and not isinstance(value, bool) else None
    if number is not None and number in allowed:
        return number
    has_no_end = allowed.stop == sys.maxsize and (number or 0) < sys.maxsize
    bounds = f"at least {allowed.start}" if has_no_end else f"{allowed.start} to {allowed.stop - 1}"
    expected = bounds if number is not None else f"a whole number, {bounds}"
    raise ValueError(f"{name} is {short_repr(value)}, expected {expected}: {meaning}")


def check_flags(**flags: object) -> None:
    """Raise TypeError unless each argument is True or False."""
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} is {short_repr(value)}, expected True or False")
