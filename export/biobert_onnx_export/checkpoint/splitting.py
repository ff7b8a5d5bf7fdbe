"""How a normalized text becomes tokens: BERT's words and WordPiece, or GPT-2's words and the merges of their bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import BPE, WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel
from tokenizers.processors import RobertaProcessing, TemplateProcessing

from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.file_kinds import check_content, is_there
from biobert_onnx_export.checkpoint.normalization import NO_NORMALIZER, State
from biobert_onnx_export.checkpoint.tokenizer_families import TokenizerFamily
from biobert_onnx_export.checkpoint.tokenizer_files import CONFIG, TOKENIZER_JSON, TokenizerFiles
from biobert_onnx_export.errors import CheckpointError

MERGES = "merges.txt"

LONGEST_WORD = 100
"""Characters of the longest word that is looked up; a longer one is unknown. BERT's own limit."""

MOST_CHARACTERS = 1_000_000
"""The greatest number of characters that a tokenizer.json may set for that limit."""

MERGES_HEADER = "#version"
"""How the first line of merges.txt begins. transformers 4 leaves out that line, whatever it says."""


@dataclass(frozen=True, kw_only=True)
class WordPieceSplitting:
    """Words as BERT splits a text, and the longest pieces of them that the vocabulary has.

    `longest_word`: characters of the longest word that is looked up.
    """

    longest_word: int

    @classmethod
    def read(cls, files: TokenizerFiles) -> Self:
        """Take max_input_chars_per_word of tokenizer.json, or BERT's own without that file."""
        value = files.content["model"].get("max_input_chars_per_word", LONGEST_WORD) if files.content else LONGEST_WORD
        if type(value) is not int or not 1 <= value <= MOST_CHARACTERS:
            path = files.folder / TOKENIZER_JSON
            raise CheckpointError(
                f"'{path}' has max_input_chars_per_word {short_repr(value)}, expected 1 to {MOST_CHARACTERS:,}"
            )
        return cls(longest_word=value)

    def tokenizer(self, ids: Mapping[str, int], family: TokenizerFamily) -> Tokenizer:
        """Make the tokenizer without its normalizer and added tokens."""
        model = WordPiece(dict(ids), unk_token=family.unk_token, max_input_chars_per_word=self.longest_word)
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = BertPreTokenizer()
        tokenizer.post_processor = TemplateProcessing(
            single=family.single,
            pair=family.pair,
            special_tokens=[(token, ids[token]) for token in (family.cls_token, family.sep_token)],
        )
        tokenizer.decoder = WordPieceDecoder()
        return tokenizer

    def only_in_json(self, normalizer: State) -> list[str]:
        """Return the keys of tokenizer.json with another value than any tokenizer_config.json gives the class."""
        differs = {
            "normalizer": normalizer["type"] != "BertNormalizer" or not normalizer.get("clean_text", True),
            "max_input_chars_per_word": self.longest_word != LONGEST_WORD,
        }
        return [key for key, does in differs.items() if does]

    def transformers_settings(self, normalizer: State) -> Mapping[str, Any]:
        """Return the keys of tokenizer_config.json with which the family's class reads texts in the same way."""
        return {
            "do_lower_case": normalizer["lowercase"],
            "strip_accents": normalizer["strip_accents"],
            "tokenize_chinese_chars": normalizer["handle_chinese_chars"],
        }

    def settings_beside_json(self) -> Mapping[str, Any]:
        """Return the keys of tokenizer_config.json that a tokenizer.json needs beside it."""
        return {}


@dataclass(frozen=True, kw_only=True)
class ByteLevelSplitting:
    """Words as GPT-2 splits a text, each with the blank before it, and the merges of their UTF-8 bytes.

    `merges`: pairs of tokens that become one, the first pair first. `add_prefix_space`: whether a text, and what
    follows an added token in it, gets a blank before it unless it begins with one. `trim_offsets`: whether the offsets
    of a token leave out its blank. `knows_prefix_space`: whether they take the blank of the first token for the added
    one, which no character of the text is.
    """

    merges: tuple[tuple[str, str], ...]
    add_prefix_space: bool
    trim_offsets: bool
    knows_prefix_space: bool

    @classmethod
    def read(cls, files: TokenizerFiles) -> Self:
        """Read merges.txt, tokenizer.json and the settings.

        Raises CheckpointError for merges that are damaged or missing, and for files that contradict each other.
        """
        add_prefix_space = _adds_prefix_space(files)
        processor = files.content["post_processor"] if files.is_as_it_is else {}
        return cls(
            merges=_read_merges(files),
            add_prefix_space=add_prefix_space,
            trim_offsets=_trims_offsets(files),
            knows_prefix_space=bool(processor.get("add_prefix_space", add_prefix_space)),
        )

    def tokenizer(self, ids: Mapping[str, int], family: TokenizerFamily) -> Tokenizer:
        """Make the tokenizer without its normalizer and added tokens."""
        model = BPE(dict(ids), list(self.merges), continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False)
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=self.add_prefix_space)
        tokenizer.post_processor = RobertaProcessing(
            (family.sep_token, ids[family.sep_token]),
            (family.cls_token, ids[family.cls_token]),
            self.trim_offsets,
            self.knows_prefix_space,
        )
        tokenizer.decoder = ByteLevelDecoder()
        return tokenizer

    def only_in_json(self, normalizer: State) -> list[str]:
        """Return the keys of tokenizer.json with another value than any tokenizer_config.json gives the class."""
        return [] if normalizer == NO_NORMALIZER else ["normalizer"]

    def transformers_settings(self, normalizer: State) -> Mapping[str, Any]:
        """Return the keys of tokenizer_config.json with which the family's class reads texts in the same way."""
        del normalizer  # the class has none
        return {"add_prefix_space": self.add_prefix_space, "trim_offsets": self.trim_offsets}

    def settings_beside_json(self) -> Mapping[str, Any]:
        """Return the keys of tokenizer_config.json that a tokenizer.json needs beside it: transformers 4 reads it."""
        return {"add_prefix_space": self.add_prefix_space}


Splitting = WordPieceSplitting | ByteLevelSplitting


def check_merges(path: Path, ids: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> None:
    """Raise CheckpointError for a merge in `path` whose parts or whole are no tokens."""
    for number, (left, right) in enumerate(merges):
        missing = next((token for token in (left, right, left + right) if token not in ids), None)
        if missing is not None:
            raise CheckpointError(
                f"'{path}' merges {short_repr(left)} and {short_repr(right)} (merge {number}), but "
                f"{short_repr(missing)} is no token of the vocabulary: download both again"
            )


def _read_merges(files: TokenizerFiles) -> tuple[tuple[str, str], ...]:
    """Read the merges of merges.txt or tokenizer.json, which must be the same where both are there."""
    text, json = files.folder / MERGES, files.folder / TOKENIZER_JSON
    of_text = _merges_of_text(text) if is_there(text) else None
    if not files.content:
        if of_text is None:
            raise CheckpointError(
                f"'{files.folder}' holds neither {MERGES} nor {TOKENIZER_JSON}: download one beside the weights"
            )
        return of_text
    of_json = _merges_of_json(json, files.content["model"].get("merges"))
    if of_text is not None and of_text != of_json:
        raise CheckpointError(
            f"'{text}' has {len(of_text)} merges, '{json}' has {len(of_json)}, and they are not the same: remove the "
            "one that the checkpoint was not trained with"
        )
    return of_json


def _merges_of_text(path: Path) -> tuple[tuple[str, str], ...]:
    """Read merges.txt, a pair a line after the header; transformers 4 leaves out its last line, which must be blank."""
    check_content(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"'{path}' cannot be read as UTF-8 text ({error}): download it again") from error
    if not lines[0].startswith(MERGES_HEADER):
        raise CheckpointError(
            f"'{path}' begins with {short_repr(lines[0])}, expected '{MERGES_HEADER}: 0.2', as transformers 4 leaves "
            "out the first line: download it again"
        )
    if lines[-1]:
        raise CheckpointError(f"'{path}' ends within the line {short_repr(lines[-1])}: download it again")
    return tuple(_pair(path, line.split(" "), line) for line in lines[1:-1])


def _merges_of_json(path: Path, merges: object) -> tuple[tuple[str, str], ...]:
    """Return the merges in tokenizer.json: each is a list of two tokens, or a str of both in older versions."""
    if not isinstance(merges, list):
        raise CheckpointError(f"'{path}' has merges {short_repr(merges)} in its model, expected a list of pairs")
    return tuple(_pair(path, merge.split(" ") if isinstance(merge, str) else merge, merge) for merge in merges)


def _pair(path: Path, parts: object, merge: object) -> tuple[str, str]:
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) and part for part in parts):
        raise CheckpointError(f"'{path}' has the merge {short_repr(merge)}, expected two tokens: download it again")
    return parts[0], parts[1]


def _adds_prefix_space(files: TokenizerFiles) -> bool:
    """Return add_prefix_space as RoBERTa's class takes it: of tokenizer_config.json, by default False.

    Of a tokenizer.json that is taken as it is, transformers 4 takes the setting of tokenizer_config.json nevertheless,
    and transformers 5 does not: both must say the same.
    """
    by_config = bool(files.add_prefix_space)
    if files.is_as_it_is:
        by_json = bool(files.content["pre_tokenizer"].get("add_prefix_space", True))
        if by_json != by_config:
            raise CheckpointError(
                f"'{files.folder / TOKENIZER_JSON}' has add_prefix_space {by_json} in its pre_tokenizer, "
                f"'{files.folder / CONFIG}' has {by_config} (not set is False), and versions of transformers differ in "
                "which they follow: set both to what the checkpoint was trained with"
            )
    return by_config


def _trims_offsets(files: TokenizerFiles) -> bool:
    """Return trim_offsets as RoBERTa's class takes it, or that of a post_processor that is taken as it is."""
    if not files.is_as_it_is:
        return files.trim_offsets is not False
    processor = files.content["post_processor"]
    return processor["type"] == "RobertaProcessing" and bool(processor.get("trim_offsets", True))
