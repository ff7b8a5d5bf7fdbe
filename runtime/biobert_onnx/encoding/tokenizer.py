"""Texts to token ids, with one clear error for what is not a text."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock

from tokenizers import Tokenizer

from biobert_onnx.errors import ArtifactError, short_repr

SLICE = 2048
"""Texts tokenized at a time: enough of them to fill micro-batches of equal length, few enough to hold little memory."""

CHARACTERS = 1_000_000
"""Characters tokenized at a time, as tokenizers takes about 100 bytes for each; 2,048 sentences have fewer."""


class TextTokenizer:
    """The artifact's tokenizer, set neither to pad nor to cut: settings cannot differ by call, as threads share it."""

    def __init__(self, path: Path) -> None:
        """Load `path`, a tokenizer.json; raises ArtifactError if it is none."""
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception
            raise ArtifactError(f"'{path}' is no tokenizer.json ({error}): export the artifact again") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """All token ids of each text, [CLS] and [SEP] included; "" gives just these two.

        `texts` has passed `checked_texts`.
        """
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]


def slices(texts: Iterable[str], *, most: int = SLICE) -> Iterator[list[str]]:
    """`texts` in order, in lists of at most `most` texts; a text that reaches CHARACTERS ends its list too.

    >>> [len(part) for part in slices(["short"] * 3000)]
    [2048, 952]
    """
    part: list[str] = []
    characters = 0
    for text in texts:
        part.append(text)
        characters += len(text)
        if len(part) == most or characters >= CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part


def checked_texts(sentences: Sequence[str]) -> list[str]:
    """`sentences` as a list of str.

    Raises TypeError for a bare str and for an entry that is no str, ValueError for an entry that is no valid
    Unicode text; both name the entry's index.
    """
    if isinstance(sentences, str | bytes):
        raise TypeError(f"expected a sequence of texts, got one {type(sentences).__name__}: call with [text], a list")
    texts = list(sentences)
    for index, text in enumerate(texts):
        check_text("sentences", index, text)
    return texts


def check_text(name: str, index: int, text: object) -> None:
    """Raise TypeError if `text`, entry `index` of the argument `name`, is no str, ValueError if it is no Unicode."""
    if not isinstance(text, str):
        raise TypeError(
            f"{name}[{index}] is {short_repr(text)}, of type {type(text).__name__}: every sentence must be a str; "
            "drop the entry or replace it by ''"
        )
    if not text.isascii():
        _check_unicode(name, index, text)


def _check_unicode(name: str, index: int, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}[{index}] holds a lone surrogate, {text[error.start]!r} at character {error.start}, which is no "
            "Unicode text: decode the source with errors='replace'"
        ) from error


PARALLELISM = "TOKENIZERS_PARALLELISM"
"""tokenizers' own switch."""


def _register_forks() -> None:
    """Switch tokenizers' threads off in processes forked from this one, which its threads do not reach.

    tokenizers would do so itself there, but with a warning; it looks at its switch while the process is forked. One
    fork at a time: one that ends would take the switch from another that has just begun.
    """
    one_fork = Lock()
    set_here: list[str] = []

    def before() -> None:
        one_fork.acquire()
        if PARALLELISM not in os.environ:
            os.environ[PARALLELISM] = "false"
            set_here.append(PARALLELISM)

    def in_parent() -> None:
        while set_here:
            os.environ.pop(set_here.pop(), None)
        one_fork.release()

    def in_child() -> None:
        set_here.clear()
        one_fork.release()

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


if hasattr(os, "register_at_fork"):
    _register_forks()
