"""What counts as texts, with one clear error for what does not; and long sequences of texts cut into chunks."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from biobert_onnx._types import Text
from biobert_onnx.errors import short_repr

T = TypeVar("T")
AnyText = TypeVar("AnyText", bound=Text)

CHUNK_TEXTS = 1024
"""Texts that are encoded together. Token rates on PubMed sentences, 2 cores, against 4,096: 1,024 and 512 equal within
1 %, 256 4 % less, 128 6 % less. More cores need more micro-batches a chunk; more texts a chunk hold more memory."""

CHUNK_CHARACTERS = 8_388_608
"""Characters in one chunk (but one text): 1,024 texts of 8,192, which is what 512 tokens at most need."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Texts that are encoded together."""

    texts: list[Text]


def chunks(texts: Iterable[Text], *, max_texts: int = CHUNK_TEXTS, aligned_to: int = sys.maxsize) -> Iterator[Chunk]:
    """Yield `texts` in order, in the groups of `grouped`; a chunk also ends after every `aligned_to` texts.

    >>> [len(chunk.texts) for chunk in chunks(["short"] * 3000, aligned_to=1500)]
    [1024, 476, 1024, 476]
    """
    for group in grouped(((text, None) for text in texts), max_rows=max_texts, aligned_to=aligned_to):
        yield Chunk(texts=[text for text, _ in group])


def grouped(
    rows: Iterable[tuple[AnyText, T]],
    *,
    max_rows: int = CHUNK_TEXTS,
    max_characters: int = CHUNK_CHARACTERS,
    aligned_to: int = sys.maxsize,
) -> Iterator[list[tuple[AnyText, T]]]:
    """Yield `rows`, each with its text first, in groups of at most `max_rows` rows and `max_characters` of text.

    A row with more characters is a group of its own. A group also ends after every `aligned_to` rows.

    >>> [len(group) for group in grouped([("four", 0), ("fo", 1), ("four", 2), ("f", 3)], max_characters=6)]
    [2, 2]
    """
    group: list[tuple[AnyText, T]] = []
    characters = 0
    for number, row in enumerate(rows, start=1):
        size = characters_of(row[0])
        if group and characters + size > max_characters:
            yield group
            group, characters = [], 0
        group.append(row)
        characters += size
        if len(group) == max_rows or characters >= max_characters or number % aligned_to == 0:
            yield group
            group, characters = [], 0
    if group:
        yield group


def characters_of(text: Text) -> int:
    """Return the characters of a text, or of both texts of a pair."""
    return len(text) if isinstance(text, str) else len(text[0]) + len(text[1])


def checked_texts(sentences: Sequence[Text], *, pairs: bool) -> list[Text]:
    """Return `sentences` as a list, each entry a str or, with `pairs`, a tuple of two.

    Raises TypeError for what is no sequence of texts (a bare str, a table, a mapping, a set), and as `checked_text`
    does for an entry, by its index.
    """
    check_sequence(sentences, call="[text], a list")
    return [checked_text("sentences", index, text, pairs=pairs) for index, text in enumerate(sentences)]


def checked(texts: Iterable[Text], *, pairs: bool) -> Iterator[Text]:
    """Yield `texts`; raise as `checked_texts` does at an entry that is no text, by its index."""
    for index, text in enumerate(texts):
        yield checked_text("texts", index, text, pairs=pairs)


def single_texts(name: str, texts: Iterable[Text], *, first: int = 0) -> list[str]:
    """Return `texts`, the first of which is entry `first` of the argument `name`; TypeError if one is a pair."""
    singles: list[str] = []
    for index, text in enumerate(texts, start=first):
        if not isinstance(text, str):
            raise TypeError(
                f"{name}[{index}] is {short_repr(text)}, a pair, and vectors of tokens are those of single texts: give "
                "each of the two alone, or join them"
            )
        singles.append(text)
    return singles


def check_sequence(value: Any, *, call: str) -> None:
    """Raise TypeError if iterating `value` would not give texts in an order; `call` is the right call for one text."""
    if isinstance(value, str | bytes):
        raise TypeError(f"expected a sequence of texts, got one {type(value).__name__}: call with {call}")
    remedy = _remedy(value)
    if remedy is not None:
        raise TypeError(f"expected a sequence of texts, got a {type(value).__name__}: {remedy}")
    if not isinstance(value, Iterable):
        raise TypeError(f"expected a sequence of texts, got {short_repr(value)}: call with {call}")


def _remedy(value: Any) -> str | None:
    """What to pass instead of `value`, a container whose iteration gives something else than its texts."""
    if hasattr(value, "columns"):  # pandas, polars, pyarrow.Table
        return "pass one column, df['text']"
    if isinstance(value, Mapping):
        return "pass its texts, list(mapping.values())"
    if isinstance(value, set | frozenset):
        return "a set has no order; pass sorted(texts) and keep that list beside the vectors"
    if hasattr(value, "to_pylist"):  # pyarrow.Array, pyarrow.ChunkedArray
        return "pass array.to_pylist()"
    if isinstance(value, np.ndarray) and value.ndim != 1:
        pairs = ", or array.tolist() if its rows are pairs" if value.shape[1:] == (2,) else ""
        return f"its shape is {value.shape}, expected (n,); pass array.ravel().tolist(){pairs}"
    return None


def checked_text(name: str, index: int, text: object, *, pairs: bool) -> Text:
    """Return `text`, entry `index` of the argument `name`; a pair, which may be a list of two, as a tuple.

    Raises TypeError if it is no text, or a pair where the artifact takes none, and ValueError for a pair of another
    length and for what is no Unicode. An error about one text of a pair names it: texts[3][1].
    """
    place = f"{name}[{index}]"
    if not isinstance(text, tuple | list):
        return _checked_str(place, text)
    if not pairs and len(text) == 2:
        raise TypeError(
            f"{place} is {short_repr(text)}, a pair, and this artifact takes single texts: export the checkpoint again "
            "with pairs=True, or join the two texts"
        )
    if not pairs:
        return _checked_str(place, text)
    if len(text) != 2:
        raise ValueError(
            f"{place} is {short_repr(text)}, of length {len(text)}, expected a text or a pair (text, text): give a "
            "second text, '' for none"
        )
    first, second = (_checked_str(f"{place}[{part}]", each) for part, each in enumerate(text))
    return first, second


def _checked_str(place: str, text: object) -> str:
    """Return `text`; raise TypeError if it, which is at `place`, is no str, ValueError if it is no Unicode."""
    if not isinstance(text, str):
        raise TypeError(
            f"{place} is {short_repr(text)}, of type {type(text).__name__}: every text must be a str; "
            "drop the entry or replace it by ''"
        )
    check_unicode(place, text)
    return text


def check_unicode(place: str, text: str) -> None:
    """Raise ValueError if `text`, which is at `place`, holds a lone surrogate: it is no Unicode then."""
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{place} holds a lone surrogate, {text[error.start]!r} at character {error.start}, which is not "
            "valid Unicode text: decode the source with errors='replace'"
        ) from error
