"""The vocabulary of a checkpoint, how its texts are normalized, and the tokenizer made from both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tokenizers import Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.added_tokens import AddedToken, read_added_tokens, read_special_tokens
from biobert_onnx_export.checkpoint.casing import Casing, CasingSources, looks_uncased, requested_lowercase
from biobert_onnx_export.checkpoint.file_kinds import check_content, is_there
from biobert_onnx_export.checkpoint.normalization import (
    LOWERCASE,
    State,
    bert_state,
    lowercases,
    make_normalizer,
    sequence_state,
    with_lowercase,
)
from biobert_onnx_export.checkpoint.rules import Rule
from biobert_onnx_export.checkpoint.tokenizer_families import TokenizerFamily
from biobert_onnx_export.checkpoint.tokenizer_files import CONFIG, TOKENIZER_JSON, TokenizerFiles
from biobert_onnx_export.errors import CheckpointError

VOCABULARY = "vocab.txt"

BYTE_ORDER_MARK = "\ufeff"

LONGEST_WORD = 100
"""Characters of the longest word that is looked up; a longer one is unknown. BERT's own limit."""

MOST_CHARACTERS = 1_000_000
"""The greatest number of characters that a tokenizer.json may set for that limit."""

MAX_PADDED_ROWS = 127
"""Rows of the word embeddings that may have no token: makers pad the matrix to a multiple of 8, 64 or 128."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Tokens in the order of their ids, added tokens, and the normalizer of texts.

    `family`: what kind of tokenizer it is. `special`: its special tokens that are found in a text as a whole, as added
    tokens are.
    `loader_normalizer`: the one that transformers 4 would take; another than `normalizer` only if a rule says so.
    `loader_added_normalizer`: the one under which it keeps the added tokens that it looks for in normalized texts.
    `longest_word`: characters of the longest word that is looked up.
    """

    family: TokenizerFamily
    tokens: tuple[str, ...]
    special: tuple[AddedToken, ...]
    added: tuple[AddedToken, ...]
    normalizer: State
    loader_normalizer: State
    loader_added_normalizer: State
    longest_word: int
    rules: tuple[Rule, ...]

    @classmethod
    def read(
        cls,
        folder: Path,
        *,
        size: int,
        casing: str | None = None,
        published_casing: str | None = None,
        lowercase_first: bool = False,
    ) -> Self:
        """Read the vocabulary of the checkpoint in `folder`, whose word embeddings have `size` rows.

        `casing`: cased or uncased, what the caller asks for. `published_casing`: that of the published checkpoint.
        `lowercase_first`: whether sentence-transformers lower-cases a text before its tokenizer gets it.

        Raises CheckpointError if the folder holds no vocabulary with the special tokens of its family, if its files
        contradict each other or hold what cannot be exported, or if it does not fit `size`.
        """
        files = TokenizerFiles.read(folder)
        tokens, rules = _read_tokens(files)
        ids = {token: number for number, token in enumerate(tokens)}
        added = tuple(read_added_tokens(files, ids))
        loader_normalizer = _loader_normalizer(files)
        loader_added_normalizer = _loader_added_normalizer(files, loader_normalizer)
        if lowercase_first and not lowercases(loader_normalizer):
            loader_normalizer = sequence_state(LOWERCASE, loader_normalizer)
        folder_lowercase, setting = _folder_casing(files, tokens, lowercase_first)
        sources = CasingSources(
            requested=requested_lowercase(casing, tokens),
            folder=folder_lowercase,
            file=setting,
            published=None if published_casing is None else published_casing == "uncased",
            vocabulary=looks_uncased(tokens),
            loader=lowercases(loader_normalizer),
        )
        decision: Casing = sources.decide()
        normalizer = with_lowercase(loader_normalizer, decision.lowercase)
        rules += _rules_of_size(folder, tokens, added, size)
        return cls(
            family=files.family,
            tokens=tokens,
            special=read_special_tokens(files, ids),
            added=added,
            normalizer=normalizer,
            loader_normalizer=loader_normalizer,
            loader_added_normalizer=loader_added_normalizer,
            longest_word=_longest_word(files),
            rules=(
                decision.rule,
                *rules,
                *_rules_of_json(files),
                *_rules_of_forms(added, normalizer, loader_added_normalizer),
            ),
        )

    @property
    def cased(self) -> bool:
        """Whether texts keep their capitals."""
        return not lowercases(self.normalizer)

    @property
    def deviations(self) -> tuple[str, ...]:
        """What the rules are about by which texts are read otherwise than a version of transformers reads them."""
        casing = self.normalizer != self.loader_normalizer
        forms = not casing and bool(_other_forms(self.added, self.normalizer, self.loader_added_normalizer))
        json = any(rule.about == TOKENIZER_JSON for rule in self.rules)
        found = {"casing": casing, "added tokens": forms, TOKENIZER_JSON: json}
        return tuple(about for about, deviates in found.items() if deviates)

    @property
    def casing(self) -> str:
        """cased or uncased."""
        return "cased" if self.cased else "uncased"

    @property
    def special_names(self) -> Mapping[str, str]:
        """The special tokens by the names that transformers gives them."""
        known = {token.content for token in self.special}
        return {name: token for name, token in self.family.special_tokens.items() if token in known}

    @property
    def pad_id(self) -> int:
        """The id of the token that fills a batch."""
        return self.tokens.index(self.family.pad_token)

    def transformers_settings(self) -> Mapping[str, Any]:
        """Return the keys of tokenizer_config.json with which transformers reads texts in the same way."""
        if _only_in_json(self.normalizer, self.longest_word) or self.special_names != self.family.special_tokens:
            return {"tokenizer_class": "PreTrainedTokenizerFast"}
        return {
            "tokenizer_class": self.family.classes[0],
            "do_lower_case": self.normalizer["lowercase"],
            "strip_accents": self.normalizer["strip_accents"],
            "tokenize_chinese_chars": self.normalizer["handle_chinese_chars"],
        }

    def tokenizer(self, *, lowercase: bool | None = None) -> Tokenizer:
        """Make the tokenizer of this vocabulary: no truncation, no padding.

        `lowercase` True or False replaces the casing, to measure what it would do.
        """
        ids = {token: number for number, token in enumerate(self.tokens)}
        state = self.normalizer if lowercase is None else with_lowercase(self.normalizer, lowercase)
        family = self.family
        tokenizer = Tokenizer(WordPiece(ids, unk_token=family.unk_token, max_input_chars_per_word=self.longest_word))
        tokenizer.normalizer = make_normalizer(state)
        tokenizer.pre_tokenizer = BertPreTokenizer()
        tokenizer.post_processor = TemplateProcessing(
            single=family.single,
            pair=family.pair,
            special_tokens=[(token, ids[token]) for token in (family.cls_token, family.sep_token)],
        )
        tokenizer.decoder = WordPieceDecoder()
        tokenizer.add_special_tokens([token.for_tokenizers() for token in self.special])
        for token in self.added:
            add = tokenizer.add_special_tokens if token.special else tokenizer.add_tokens
            add([token.for_tokenizers()])
        return tokenizer


def _loader_normalizer(files: TokenizerFiles) -> State:
    """Describe the normalizer that transformers 4 takes: tokenizer.json's, but a BertNormalizer set by the config.

    Sources: `BertTokenizerFast.__init__` and `MPNetTokenizerFast.__init__` of transformers 4.57.
    """
    if files.own_normalizer is not None:
        return files.own_normalizer
    state = files.normalizer
    by_config = files.tokenize_chinese_chars is not False
    by_json = state is not None and files.family.json_sets_chinese
    return bert_state(
        lowercase=files.do_lower_case is not False,
        strip_accents=files.strip_accents,
        chinese=bool(state.get("handle_chinese_chars", True)) if state is not None and by_json else by_config,
        clean_text=True if state is None else bool(state.get("clean_text", True)),
    )


def _loader_added_normalizer(files: TokenizerFiles, loader_normalizer: State) -> State:
    """Describe the normalizer that transformers 4 has when it reads added tokens: it may set another one afterwards.

    Sources: `BertTokenizerFast.__init__`, and `BertConverter` in `convert_slow_tokenizer.py`, of transformers 4.57.
    """
    if files.normalizer is not None:
        return files.normalizer
    if files.config.get("do_basic_tokenize", True):
        return loader_normalizer
    return bert_state(lowercase=False, strip_accents=False, chinese=False)


def _folder_casing(files: TokenizerFiles, tokens: tuple[str, ...], lowercase_first: bool) -> tuple[bool | None, str]:
    """Return what the folder says of lower case, None for nothing, and the name of the setting that says it.

    A BertNormalizer in tokenizer.json that keeps capitals counts only beside a cased vocabulary: transformers itself
    does not look at it, and writes it of its own accord.
    """
    state = files.normalizer
    if lowercase_first:
        return True, "do_lower_case in sentence-transformers' settings"
    if files.own_normalizer is not None:
        return lowercases(files.own_normalizer), f"the normalizer in {TOKENIZER_JSON}"
    if files.do_lower_case is not None:
        return files.do_lower_case, f"do_lower_case in {CONFIG}"
    if state is not None and (lowercases(state) or not looks_uncased(tokens)):
        return lowercases(state), f"the normalizer in {TOKENIZER_JSON}"
    return None, ""


def _read_tokens(files: TokenizerFiles) -> tuple[tuple[str, ...], tuple[Rule, ...]]:
    """Read the tokens of vocab.txt or tokenizer.json, which must be the same where both are there."""
    text, json = files.folder / VOCABULARY, files.folder / TOKENIZER_JSON
    tokens: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    if is_there(text):
        tokens, rules = _tokens_of_text(text, files.family)
        _check_tokens(text, tokens, files.family)
    if files.content:
        of_json = _tokens_of_json(json, files.content["model"]["vocab"])
        _check_tokens(json, of_json, files.family)
        if tokens and of_json != tokens:
            raise CheckpointError(
                f"'{text}' has {len(tokens)} tokens, '{json}' has {len(of_json)}, "
                f"{_first_difference(tokens, of_json)}: remove the one that the checkpoint was not trained with"
            )
        tokens = of_json
    if not tokens:
        raise CheckpointError(
            f"'{files.folder}' holds neither {VOCABULARY} nor {TOKENIZER_JSON}: download one beside the weights"
        )
    return tokens, rules


def _tokens_of_text(path: Path, family: TokenizerFamily) -> tuple[tuple[str, ...], tuple[Rule, ...]]:
    """Read vocab.txt, one token a line; blank lines at its end and a byte-order mark at its start are no tokens.

    Raises CheckpointError for such a mark before a token that frames texts: transformers does not find it then.
    """
    check_content(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"'{path}' cannot be read as UTF-8 text ({error}): download it again") from error
    tokens = tuple(text.removeprefix(BYTE_ORDER_MARK).rstrip("\n").split("\n"))
    if text.startswith(BYTE_ORDER_MARK) and tokens[0] in (family.cls_token, family.sep_token):
        raise CheckpointError(
            f"'{path}' begins with a byte-order mark, so that transformers does not find {tokens[0]}: save it as UTF-8 "
            "without one"
        )
    if text.startswith(BYTE_ORDER_MARK):
        return tokens, (Rule("vocabulary", "read without its byte-order mark", f"{path.name} begins with one"),)
    return tokens, ()


def _tokens_of_json(path: Path, vocabulary: Mapping[str, Any]) -> tuple[str, ...]:
    wrong = next((token for token, number in vocabulary.items() if type(number) is not int), None)
    if wrong is not None:
        raise CheckpointError(
            f"'{path}' gives {short_repr(wrong)} the id {short_repr(vocabulary[wrong])}, expected a number"
        )
    by_id = sorted(vocabulary, key=lambda token: int(vocabulary[token]))
    if [vocabulary[token] for token in by_id] != list(range(len(by_id))):
        raise CheckpointError(f"'{path}' has gaps in its token ids: give the vocab.txt instead")
    return tuple(by_id)


def _check_tokens(path: Path, tokens: tuple[str, ...], family: TokenizerFamily) -> None:
    if len(set(tokens)) != len(tokens):
        raise CheckpointError(
            f"'{path}' has {len(set(tokens))} different tokens in {len(tokens)} entries: download the vocabulary that "
            "the checkpoint was trained with"
        )
    missing = sorted(set(family.special_contents) - set(tokens))
    if missing:
        raise CheckpointError(f"'{path}' lacks {', '.join(missing)}: it is no {family.name} vocabulary")


def _first_difference(left: tuple[str, ...], right: tuple[str, ...]) -> str:
    for number, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return f"and id {number} is {short_repr(one)} in the one and {short_repr(other)} in the other"
    return "and the shorter one ends first"


def _rules_of_size(folder: Path, tokens: tuple[str, ...], added: tuple[AddedToken, ...], size: int) -> tuple[Rule, ...]:
    """Check that tokens and added tokens fit `size` rows; return the rules about both."""
    new = [token for token in added if token.id >= len(tokens)]
    count, rules = len(tokens) + len(new), []
    if not count <= size <= count + MAX_PADDED_ROWS:
        raise CheckpointError(
            f"'{folder}' has {len(tokens)} tokens and {len(new)} added ones, expected {size}, the vocab_size of its "
            "config: download the vocabulary that the checkpoint was trained with"
        )
    if added:
        named = ", ".join(short_repr(token.content) for token in added[:3]) + (", ..." if len(added) > 3 else "")
        rules.append(Rule("added tokens", f"{len(added)} kept whole: {named}", "listed in the tokenizer's files"))
    if size > count:
        rules.append(Rule("padded rows", f"{size - count} word embeddings have no token", f"vocab_size is {size}"))
    return tuple(rules)


def _rules_of_json(files: TokenizerFiles) -> Iterator[Rule]:
    """Yield the rule about what transformers 4 follows in tokenizer.json and transformers 5 leaves out.

    Source: `BertTokenizer.__init__` of transformers 5.24, which makes normalizer and model anew.
    """
    state = files.normalizer
    if state is None or files.is_as_it_is:
        return
    followed = _only_in_json(state, _longest_word(files))
    by_config = files.tokenize_chinese_chars is not False
    if files.family.json_sets_chinese and state.get("handle_chinese_chars", by_config) != by_config:
        followed.append("handle_chinese_chars")
    if followed:
        name = files.family.name
        reason = f"transformers 4 does so for a {files.family.classes[0]}, transformers 5 takes {name}'s own"
        yield Rule(TOKENIZER_JSON, f"its {' and '.join(followed)} followed", reason)


def _only_in_json(normalizer: State, longest_word: int) -> list[str]:
    """Return the keys of tokenizer.json with another value than any tokenizer_config.json gives the family's class."""
    differs = {
        "normalizer": normalizer["type"] != "BertNormalizer" or not normalizer.get("clean_text", True),
        "max_input_chars_per_word": longest_word != LONGEST_WORD,
    }
    return [key for key, does in differs.items() if does]


def _other_forms(added: tuple[AddedToken, ...], normalizer: State, loader_normalizer: State) -> list[str]:
    """List the added tokens whose form in a normalized text the loader takes for another one."""
    ours, theirs = make_normalizer(normalizer), make_normalizer(loader_normalizer)
    contents = [token.content for token in added if token.normalized]
    return [content for content in contents if ours.normalize_str(content) != theirs.normalize_str(content)]


def _rules_of_forms(added: tuple[AddedToken, ...], normalizer: State, loader_normalizer: State) -> tuple[Rule, ...]:
    """Return the rule about added tokens that the loader cannot find.

    transformers 4 normalizes added tokens when it reads them, and sets the normalizer of tokenizer_config.json or of
    sentence-transformers' do_lower_case afterwards: it then looks in lower-cased texts for tokens with capitals.
    """
    others = _other_forms(added, normalizer, loader_normalizer)
    if not others:
        return ()
    reason = f"the loader may look for {', '.join(map(repr, others[:3]))} in a casing or with accents that texts lost"
    return (Rule("added tokens", "normalized as texts are", reason),)


def _longest_word(files: TokenizerFiles) -> int:
    """Return max_input_chars_per_word of tokenizer.json, or BERT's own without that file."""
    value = files.content["model"].get("max_input_chars_per_word", LONGEST_WORD) if files.content else LONGEST_WORD
    if type(value) is not int or not 1 <= value <= MOST_CHARACTERS:
        path = files.folder / TOKENIZER_JSON
        raise CheckpointError(
            f"'{path}' has max_input_chars_per_word {short_repr(value)}, expected 1 to {MOST_CHARACTERS:,}"
        )
    return value
