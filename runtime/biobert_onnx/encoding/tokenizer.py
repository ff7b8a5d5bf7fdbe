"""Texts to token ids, in pieces where a text is long, so that memory stays bounded whatever the text."""

import re
from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from biobert_onnx._types import TokenIds
from biobert_onnx.encoding.text_cuts import IDEOGRAPHS, TextCuts
from biobert_onnx.encoding.token_encodings import EncodingBuilder, EndlessWords, TokenEncoding
from biobert_onnx.errors import ArtifactError, TextTooLongError

CALL_CHARACTERS = 1_000_000
"""Characters in one call of tokenizers (but one piece); each takes it 94 bytes in prose, 278 in lists of codes."""

CHARACTERS_PER_TOKEN = 16
"""A piece of this many characters a token holds more tokens than are kept, for any text of a language: biomedical
English has 5 characters a token. A text whose tokens are longer is read on, piece by piece."""

PIECE_CHARACTERS = 65_536
"""Characters in one piece of a text that is kept whole, and the most in any piece."""

WORD_CHARACTERS = 262_144
"""Characters that a piece may be longer, to end where a word ends. A text without such a place there is refused."""


class TextTokenizer:
    """The artifact's tokenizer, set neither to pad nor to cut: settings cannot differ by call, as threads share it."""

    def __init__(self, path: Path, *, literal_special_tokens: bool = False) -> None:
        """Load `path`, a tokenizer.json; raises ArtifactError if it is damaged.

        `literal_special_tokens`: whether "[SEP]" in a text is letters and brackets, not the token. Each text still gets
        its [CLS] and [SEP]. Added tokens that are not special are found in texts all the same. It is
        `split_special_tokens` of transformers.
        """
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception
            raise ArtifactError(f"'{path}' is no tokenizer.json ({error}): export the artifact again") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._tokenizer.encode_special_tokens = self.literal_special_tokens = literal_special_tokens
        self._cuts = TextCuts(self._tokenizer)
        self._longest_word = _longest_word(self._tokenizer)

    def token_ids(self, texts: Sequence[str], *, limit: int | None = None) -> TokenIds:
        """Return the token ids of each text, the two special tokens around it included; "" gives just these two.

        With a `limit`, a text of more tokens is read only until that is certain: its ids are then `limit` + 1 or more,
        the first ones of the text and the special token after it. `texts` has passed `checked_texts`.

        Raises TextTooLongError for a text that has no word end within WORD_CHARACTERS characters.
        """
        size = PIECE_CHARACTERS if limit is None else CHARACTERS_PER_TOKEN * limit
        found: list[Sequence[int]] = [()] * len(texts)
        unfinished = {index: self._pieces(index, text, size) for index, text in enumerate(texts)}
        while batch := _next_pieces(unfinished):
            encodings = self._tokenizer.encode_batch_fast([piece for _, piece in batch])
            for (index, piece), encoding in zip(batch, encodings, strict=True):
                if len(piece) == len(texts[index]):
                    found[index] = encoding.ids
                    continue
                found[index] = _joined(found[index], encoding.ids)
                if limit is not None and len(found[index]) > limit:
                    unfinished.pop(index, None)
        return found

    def ids_in_pieces(self, text: str, *, size: int) -> Iterator[Sequence[int]]:
        """Yield the token ids of one long text piece by piece, the two special tokens around those of each.

        Pieces begin with about `size` characters and grow to PIECE_CHARACTERS, WORD_CHARACTERS more where no word ends
        before. Raises TextTooLongError as `token_ids` does.
        """
        for piece in self._pieces(0, text, size):
            (encoding,) = self._tokenizer.encode_batch_fast([piece])
            yield encoding.ids

    def encodings(self, texts: Sequence[str], *, limit: int | None = None) -> list[TokenEncoding]:
        """Return what `token_ids` returns, whose arguments and errors these are, with each token's place in its text.

        It takes tokenizers twice as long as the ids alone.
        """
        size = PIECE_CHARACTERS if limit is None else CHARACTERS_PER_TOKEN * limit
        trims = self._cuts.trims_later_blanks
        found = [EncodingBuilder(text, self._endless_words, trims_later_blanks=trims) for text in texts]
        unfinished = {index: self._pieces(index, text, size) for index, text in enumerate(texts)}
        while batch := _next_pieces(unfinished):
            encodings = self._tokenizer.encode_batch([piece for _, piece in batch])
            for (index, piece), encoding in zip(batch, encodings, strict=True):
                found[index].add(piece, encoding)
                if limit is not None and len(found[index]) > limit:
                    unfinished.pop(index, None)
        return [builder.finish() for builder in found]

    @property
    def vocabulary_size(self) -> int:
        """The number of token ids, which begin with 0; those of added tokens count."""
        return int(self._tokenizer.get_vocab_size())

    def token(self, token_id: int) -> str:
        """Return the token that has this id, below `vocabulary_size`, as the vocabulary writes it."""
        return str(self._tokenizer.id_to_token(token_id))

    def decode(self, token_ids: Sequence[list[int]], *, skip_special_tokens: bool) -> list[str]:
        """Return a text for each list of ids, all below `vocabulary_size`; it need not be the text that had them."""
        return list(self._tokenizer.decode_batch(token_ids, skip_special_tokens=skip_special_tokens))

    def _pieces(self, index: int, text: str, size: int) -> Iterator[str]:
        """Yield `text`, entry `index`, in pieces of about `size` characters whose tokens are those of the whole.

        A word of more letters than the vocabulary looks up is unknown whatever its length, so an endless one is
        shortened first. Pieces grow, as a text of few tokens, one of blanks, would else be read in a great many.
        """
        start = 0
        while start + size < len(text):
            end = self._cuts.next(text, start + size, within=WORD_CHARACTERS)
            if end is not None:
                yield text[start:end]
                start, size = end, min(2 * size, max(size, PIECE_CHARACTERS))
            elif start + size + WORD_CHARACTERS >= len(text):
                break
            else:
                shorter = self._shortened(text[start:])
                if len(shorter) == len(text) - start:
                    raise TextTooLongError(index, word_characters=WORD_CHARACTERS)
                text, start = shorter, 0
        yield text[start:]

    def _shortened(self, text: str) -> str:
        """`text` with every endless word of letters and digits cut to its ends, which stay unknown together.

        What is left is several times as long as the longest word that is looked up, as NFC may make one letter of
        three. Ideographs are left alone: each is a word.
        """
        if self._endless_words is None:
            return text
        kept = self._endless_words.kept
        return self._endless_words.pattern.sub(lambda word: word[0][:kept] + word[0][-kept:], text)

    @cached_property
    def _endless_words(self) -> EndlessWords | None:
        """The words that `_shortened` shortens; None if there are none."""
        if self._longest_word is None:
            return None
        kept = 8 * self._longest_word
        # One set of characters: of a group, `re` would keep 64 bytes for each character of the word.
        return EndlessWords(pattern=re.compile(rf"[^\W_{IDEOGRAPHS}]{{{2 * kept},}}"), kept=kept)


def _next_pieces(unfinished: dict[int, Iterator[str]]) -> list[tuple[int, str]]:
    """The next piece of each unfinished text, with its index, up to CALL_CHARACTERS; texts without one are dropped."""
    batch: list[tuple[int, str]] = []
    characters = 0
    for index in list(unfinished):
        if characters >= CALL_CHARACTERS:
            break
        piece = next(unfinished[index], None)
        if piece is None:
            del unfinished[index]
        else:
            batch.append((index, piece))
            characters += len(piece)
    return batch


def _joined(before: Sequence[int], ids: Sequence[int]) -> Sequence[int]:
    """`before`, the ids of a text's pieces so far, and `ids`, those of its next piece, as one text's ids.

    >>> _joined(array("i", [0, 5, 6, 1]), [0, 7, 1])
    array('i', [0, 5, 6, 7, 1])
    """
    if not before:
        return array("i", ids)
    assert isinstance(before, array)
    before[-1:] = array("i", ids[1:])
    return before


def _longest_word(tokenizer: Tokenizer) -> int | None:
    """Characters of the longest word that is looked up in the vocabulary; None if words of any length are."""
    model = tokenizer.model
    return int(model.max_input_chars_per_word) if isinstance(model, WordPiece) else None
