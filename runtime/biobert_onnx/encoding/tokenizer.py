"""Texts to token ids, in pieces where a text is long, so that memory stays bounded whatever the text."""

import re
from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel

from biobert_onnx._types import TokenIds
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

WHITE_SPACE = " \t\n\r"
IDEOGRAPHS = "\u4e00-\u9fff"
"""The range of CJK's unified ideographs, each of which is a word of its own."""

PUNCTUATION = r"""!"#$%&'()*+,-./:;?@[\]^`{|}~""" + "\u3001\u3002\uff0c\uff1b\uff1a\uff1f\uff01"
"""Characters that BERT's tokenizers take for words of their own, CJK's last. Left out are "_", which added tokens take
for a letter, and "<=>", which a mark after them can turn into a letter (NFC makes U+226E of "<" and U+0338)."""


OTHER_BLANKS = "\x0b\x0c\x85\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""The other characters that Unicode calls white space; what byte-level BPE splits texts at."""

LETTERS = rf"A-Za-z0-9{IDEOGRAPHS}\u3041-\u3096\u30a1-\u30fa\uac00-\ud7a3"
"""Letters and digits in every version of Unicode: ASCII's, CJK's, kana, hangul. The library's own version is older."""


class TextTokenizer:
    """The artifact's tokenizer, set neither to pad nor to cut: settings cannot differ by call, as threads share it."""

    def __init__(self, path: Path) -> None:
        """Load `path`, a tokenizer.json; raises ArtifactError if it is damaged."""
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception
            raise ArtifactError(f"'{path}' is no tokenizer.json ({error}): export the artifact again") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._added = _inside_added_tokens(self._tokenizer)
        self._word_end = self._word_end_of_bytes() if self._is_byte_level else self._word_end_of_words()
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

    def encodings(self, texts: Sequence[str], *, limit: int | None = None) -> list[TokenEncoding]:
        """Return what `token_ids` returns, whose arguments and errors these are, with each token's place in its text.

        It takes tokenizers twice as long as the ids alone.
        """
        size = PIECE_CHARACTERS if limit is None else CHARACTERS_PER_TOKEN * limit
        found = [EncodingBuilder(text, self._endless_words) for text in texts]
        unfinished = {index: self._pieces(index, text, size) for index, text in enumerate(texts)}
        while batch := _next_pieces(unfinished):
            encodings = self._tokenizer.encode_batch([piece for _, piece in batch])
            for (index, piece), encoding in zip(batch, encodings, strict=True):
                found[index].add(piece, encoding)
                if limit is not None and len(found[index]) > limit:
                    unfinished.pop(index, None)
        return [builder.finish() for builder in found]

    def _pieces(self, index: int, text: str, size: int) -> Iterator[str]:
        """Yield `text`, entry `index`, in pieces of about `size` characters whose tokens are those of the whole.

        A piece ends before white space or a punctuation mark: neither a word nor an added token reaches across one, nor
        does Unicode's composition (NFC), which joins a character to the marks after it. (Where byte-level BPE can be
        cut is said at `_word_end_of_bytes`.) A word of more letters than
        the vocabulary looks up is unknown whatever its length, so an endless one is shortened first. Pieces grow, as
        a text of few tokens, one of blanks, would else be read in a great many.
        """
        start = 0
        while start + size < len(text):
            end = self._end_of_word(text, start + size)
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

    @property
    def _is_byte_level(self) -> bool:
        return isinstance(self._tokenizer.pre_tokenizer, ByteLevel)

    def _word_end_of_words(self) -> re.Pattern[str]:
        """A pattern of the characters that words end before, whatever stands before them."""
        splits_at_punctuation = isinstance(self._tokenizer.pre_tokenizer, BertPreTokenizer)
        return self._pattern_of(WHITE_SPACE + (PUNCTUATION if splits_at_punctuation else ""))

    def _word_end_of_bytes(self) -> re.Pattern[str]:
        """A pattern of the places where GPT-2's pattern certainly splits a text into words.

        A word there is a run of letters, of digits, or of other characters, with one blank before it; a run of blanks
        keeps all but that one. So a text can be cut before a blank that follows none, which leaves the run of blanks
        whole, and between a letter or digit and a punctuation mark. ("'s" and the like begin at a mark.) Three things
        narrow this down. A text that begins with no blank gets one under add_prefix_space: only a blank can then begin
        a piece. What a normalizer makes of a character is not known here, but of ASCII: only that may stand before a
        blank then. An added token with rstrip takes the blanks after it: its last character may not stand there.
        """
        takers = [token.content for token in self._tokenizer.get_added_tokens_decoder().values() if token.rstrip]
        ends = {each for content in takers for each in (content[-1].lower(), content[-1].upper())}
        before = r"[!-~]" if self._tokenizer.normalizer is not None else r"\S"
        if ends:
            before = rf"(?![{''.join(map(re.escape, sorted(ends)))}]){before}"
        blank = self._pattern_of(" ").pattern
        if self._tokenizer.pre_tokenizer.add_prefix_space:
            return re.compile(f"(?<={before}){blank}")
        if self._tokenizer.normalizer is not None:
            return re.compile(f"(?<={before}){self._pattern_of(WHITE_SPACE).pattern}")
        blank = self._pattern_of(WHITE_SPACE + OTHER_BLANKS).pattern
        return re.compile(f"(?<={before}){blank}|(?<=[{LETTERS}]){self._pattern_of(PUNCTUATION).pattern}")

    @cached_property
    def _rare_word_end(self) -> re.Pattern[str]:
        """All other characters that words end before, tried one by one: seldom needed, as they take a while to try."""
        if self._is_byte_level:
            return re.compile(r"(?!)")
        from unicodedata import category  # start-up need not pay for it

        characters = (chr(code) for code in range(0x80, 0x10000))
        candidates = [each for each in characters if category(each)[0] in "PZ"]
        ends = "".join(each for each in candidates if self._ends_words(each))
        return self._pattern_of(ends, IDEOGRAPHS if self._ends_words(IDEOGRAPHS[0]) else "")

    def _end_of_word(self, text: str, start: int) -> int | None:
        """The first place from `start` on, within WORD_CHARACTERS, where `text` can be cut; None if there is none."""
        end = start + WORD_CHARACTERS
        found = self._word_end.search(text, start, end)
        if found is None and end < len(text):
            found = self._rare_word_end.search(text, start, end)
        return None if found is None else found.start()

    def _ends_words(self, character: str) -> bool:
        """Whether a text can be cut before `character`: its tokens are then those of both parts."""
        whole, before, after = (
            encoding.ids for encoding in self._tokenizer.encode_batch_fast([f"1{character}2", "1", f"{character}2"])
        )
        return bool([*before[:-1], *after[1:]] == whole)

    def _pattern_of(self, characters: str, ranges: str = "") -> re.Pattern[str]:
        """A pattern of one of `characters` or `ranges`, those left out that an added token has inside."""
        inside = "".join(map(re.escape, sorted(set(characters) - set(self._added)))) + ranges
        return re.compile(f"[{inside}]" if inside else r"(?!)")

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
        return EndlessWords(pattern=re.compile(rf"(?:(?![{IDEOGRAPHS}])[^\W_]){{{2 * kept},}}"), kept=kept)


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


def _inside_added_tokens(tokenizer: Tokenizer) -> str:
    """The characters before which an added token could be torn, also as the normalizer leaves them.

    The first character of a token is none, unless the token may not follow a letter: it could after a cut. A normalizer
    may make any blank of any other.
    """
    normalize = tokenizer.normalizer.normalize_str if tokenizer.normalizer is not None else str
    inside = "".join(
        content[0 if token.single_word else 1 :]
        for token in tokenizer.get_added_tokens_decoder().values()
        for content in (token.content, normalize(token.content))
    )
    has_blanks = tokenizer.normalizer is not None and any(map(str.isspace, inside))
    return inside + (WHITE_SPACE + OTHER_BLANKS if has_blanks else "")


def _longest_word(tokenizer: Tokenizer) -> int | None:
    """Characters of the longest word that is looked up in the vocabulary; None if words of any length are."""
    model = tokenizer.model
    return int(model.max_input_chars_per_word) if isinstance(model, WordPiece) else None
