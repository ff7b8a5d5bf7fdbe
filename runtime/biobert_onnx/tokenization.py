"""Texts to token ids, with one clear error for what is not a text."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from biobert_onnx.artifact import ArtifactError

SPECIAL_TOKENS = 2
"""[CLS] and [SEP] frame every text."""


class TextTokenizer:
    """The artifact's tokenizer, set to cut texts to `max_length` tokens, [CLS] and [SEP] included."""

    def __init__(self, path: Path, *, max_length: int) -> None:
        """Load `path`, a tokenizer.json; raises ArtifactError if it is none."""
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception
            raise ArtifactError(f"'{path}' is no tokenizer.json ({error}): export the artifact again") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text, [CLS] and [SEP] included; "" gives just these two.

        `texts` has passed `checked_texts`.
        """
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]


def checked_texts(sentences: Sequence[str]) -> list[str]:
    """`sentences` as a list of str.

    Raises TypeError for a bare str and for an entry that is no str, ValueError for an entry that is no valid
    Unicode text; both name the entry's index.
    """
    if isinstance(sentences, str | bytes):
        raise TypeError(f"expected a sequence of texts, got one {type(sentences).__name__}: call encode([text])")
    texts = list(sentences)
    for index, text in enumerate(texts):
        check_text("sentences", index, text)
    return texts


def check_text(name: str, index: int, text: object) -> None:
    """Raise TypeError if `text`, entry `index` of the argument `name`, is no str, ValueError if it is no Unicode."""
    if not isinstance(text, str):
        raise TypeError(
            f"{name}[{index}] is {text!r:.60}, of type {type(text).__name__}: every sentence must be a str; "
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
