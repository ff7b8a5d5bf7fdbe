"""Where a text can be cut so that the tokens of its pieces are those of the whole."""

import re
from functools import cached_property

from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel

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


class TextCuts:
    """The places where texts of one tokenizer can be cut.

    WordPiece: before white space or a punctuation mark. Neither a word nor an added token reaches across one, nor does
    Unicode's composition (NFC), which joins a character to the marks after it. Byte-level BPE: see `_ends_of_bytes`.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Find the places for `tokenizer`, whose settings do not change any more."""
        self._tokenizer = tokenizer
        self._added = _inside_added_tokens(tokenizer)
        self._word_end = self._ends_of_bytes() if self._is_byte_level else self._ends_of_words()

    @property
    def _is_byte_level(self) -> bool:
        return isinstance(self._tokenizer.pre_tokenizer, ByteLevel)

    def _ends_of_words(self) -> re.Pattern[str]:
        """A pattern of the places where words certainly end: before a blank or a punctuation mark.

        The offsets of an added token that takes the blanks beside it hold all of them: if there is such a token, no
        text is cut inside a run of blanks, nor between it and the token.
        """
        splits_at_punctuation = isinstance(self._tokenizer.pre_tokenizer, BertPreTokenizer)
        if not any(token.lstrip or token.rstrip for token in self._tokenizer.get_added_tokens_decoder().values()):
            return self._pattern_of(WHITE_SPACE + (PUNCTUATION if splits_at_punctuation else ""))
        before = self._before_blanks(r"\S")
        blank = f"(?<={before}){self._pattern_of(WHITE_SPACE).pattern}"
        return re.compile(f"{blank}|{self._pattern_of(PUNCTUATION).pattern}" if splits_at_punctuation else blank)

    def _ends_of_bytes(self) -> re.Pattern[str]:
        """A pattern of the places where GPT-2's pattern certainly splits a text into words.

        A word there is a run of letters, of digits, or of other characters, with one blank before it; a run of blanks
        keeps all but that one. So a text can be cut before a blank that follows none, which leaves the run of blanks
        whole, and between a letter or digit and a punctuation mark. ("'s" and the like begin at a mark.) Three things
        narrow this down. A text that begins with no blank gets one under add_prefix_space: only a blank can then begin
        a piece. What a normalizer makes of a character is not known here, but of ASCII: only that may stand before a
        blank then. An added token with rstrip takes the blanks after it: its last character may not stand there.
        """
        before = self._before_blanks(r"[!-~]" if self._tokenizer.normalizer is not None else r"\S")
        blank = self._pattern_of(" ").pattern
        if self._tokenizer.pre_tokenizer.add_prefix_space:
            return re.compile(f"(?<={before}){blank}")
        if self._tokenizer.normalizer is not None:
            return re.compile(f"(?<={before}){self._pattern_of(WHITE_SPACE).pattern}")
        blank = self._pattern_of(WHITE_SPACE + OTHER_BLANKS).pattern
        return re.compile(f"(?<={before}){blank}|(?<=[{LETTERS}]){self._pattern_of(PUNCTUATION).pattern}")

    def _before_blanks(self, characters: str) -> str:
        """A pattern of one of `characters`, but the last one of an added token that takes the blanks after it."""
        takers = [token.content for token in self._tokenizer.get_added_tokens_decoder().values() if token.rstrip]
        ends = {each for content in takers for each in (content[-1].lower(), content[-1].upper())}
        return rf"(?![{''.join(map(re.escape, sorted(ends)))}]){characters}" if ends else characters

    @cached_property
    def trims_later_blanks(self) -> bool:
        """Whether offsets leave out the blank before a token, except at the start of a text (or of a piece)."""
        if not self._is_byte_level:
            return False
        whole, alone = (encoding.offsets[1:-1] for encoding in self._tokenizer.encode_batch(["1 2", " 2"]))
        return bool(whole[-len(alone)][0] > alone[0][0] + 1)

    @cached_property
    def _rare_word_end(self) -> re.Pattern[str]:
        """All other characters that words end before, tried one by one: seldom needed, as they take a while to try."""
        if self._is_byte_level:
            return re.compile(r"(?!)")
        from unicodedata import category  # start-up need not pay for it

        characters = (chr(code) for code in range(0x80, 0x10000))
        candidates = [each for each in characters if category(each)[0] in "PZ"]
        ends = "".join(each for each in candidates if self._ends_words(each))
        return self._pattern_of(WHITE_SPACE + ends, IDEOGRAPHS if self._ends_words(IDEOGRAPHS[0]) else "")

    def next(self, text: str, start: int, *, within: int) -> int | None:
        """Return the first place from `start` on, `within` characters, where `text` can be cut; None without one."""
        end = start + within
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
