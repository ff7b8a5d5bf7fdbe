"""Tokens that were added to a vocabulary: found in a text as a whole, before it is split into words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken as TokenizersAddedToken

from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.checkpoint.tokenizer_files import CONFIG, DECODER, TOKENIZER_JSON, TokenizerFiles
from biobert_onnx_export.errors import CheckpointError

ADDED_TOKENS = "added_tokens.json"

FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
"""The settings of an added token, all true or false."""


@dataclass(frozen=True, kw_only=True)
class AddedToken:
    """A token, its id, and how it is looked for in a text; the flags are those of the library `tokenizers`."""

    id: int
    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = True
    special: bool = False

    def for_tokenizers(self) -> TokenizersAddedToken:
        """Return the token as the library takes it."""
        return TokenizersAddedToken(self.content, **{flag: getattr(self, flag) for flag in FLAGS})


def read_added_tokens(files: TokenizerFiles, ids: Mapping[str, int]) -> list[AddedToken]:
    """Read the added tokens of a folder in the order of their ids, the family's special ones left out.

    `ids`: those of the vocabulary. Of a token that several files list, tokenizer_config.json (added_tokens_decoder)
    decides, then tokenizer.json, then added_tokens.json. Additional special tokens that none of them lists get the id
    of the same entry of the vocabulary, or the next one. Without added_tokens_decoder alone count added_tokens.json and
    special_tokens_map.json. (transformers 4.57 and 5, `_from_pretrained` in `tokenization_utils_base.py`.)

    Raises CheckpointError for entries that are no tokens, for two ids of one token, for two tokens of one id, and for
    ids that leave a gap after the vocabulary.
    """
    old_files = [] if files.lists_added_tokens else list(_of_added_tokens_json(files))
    listed = [*old_files, *_of_tokenizer_json(files), *_of_config(files)]
    next_id = max([len(ids), *(token.id + 1 for token in listed)])
    listed += _additional_special_tokens(files, ids, {token.content for token in listed}, next_id)
    _check_ids(files.folder, ids, listed)
    by_content = {token.content: token for token in listed if token.content not in files.family.special_contents}
    return sorted(by_content.values(), key=lambda token: token.id)


def _of_config(files: TokenizerFiles) -> Iterator[AddedToken]:
    path, entries = files.folder / CONFIG, files.config.get(DECODER) or {}
    if not isinstance(entries, Mapping):
        raise CheckpointError(f"'{path}' has added_tokens_decoder {short_repr(entries)}, expected an object")
    for key, entry in entries.items():
        if not str(key).isdecimal():
            raise CheckpointError(f"'{path}' has the id {short_repr(key)} in added_tokens_decoder, expected a number")
        yield _token(path, int(key), entry)


def _of_tokenizer_json(files: TokenizerFiles) -> Iterator[AddedToken]:
    path, entries = files.folder / TOKENIZER_JSON, files.content.get("added_tokens") or []
    if not isinstance(entries, list):
        raise CheckpointError(f"'{path}' has added_tokens {short_repr(entries)}, expected a list")
    for entry in entries:
        yield _token(path, entry.get("id") if isinstance(entry, Mapping) else None, entry)


def _of_added_tokens_json(files: TokenizerFiles) -> Iterator[AddedToken]:
    path = files.folder / ADDED_TOKENS
    if is_there(path):
        special = set(_contents(files.special_tokens_map))
        for content, number in read_json(path).items():
            is_special = content in special
            yield _token(path, number, {"content": content, "normalized": not is_special, "special": is_special})


def _additional_special_tokens(
    files: TokenizerFiles, ids: Mapping[str, int], known: set[str], free: int
) -> list[AddedToken]:
    """Return the additional special tokens that are not `known` yet; new ones get ids from `free` on."""
    found: list[AddedToken] = []
    for source in (files.config, {} if files.lists_added_tokens else files.special_tokens_map):
        for content in _contents({"additional_special_tokens": source.get("additional_special_tokens")}):
            if content not in known:
                known.add(content)
                number = ids.get(content, free)
                free += number == free
                found.append(AddedToken(id=number, content=content, normalized=False, special=True))
    return found


def _contents(special_tokens_map: Mapping[str, Any]) -> Iterator[str]:
    """Yield the contents of special tokens; each may be a str or an object, and a value may be a list of them."""
    for value in special_tokens_map.values():
        for each in value if isinstance(value, list) else [value]:
            content = each.get("content") if isinstance(each, Mapping) else each
            if isinstance(content, str):
                yield content


def _token(path: Path, number: object, entry: object) -> AddedToken:
    content = entry.get("content") if isinstance(entry, Mapping) else None
    if not isinstance(entry, Mapping) or not isinstance(content, str) or not content:
        raise CheckpointError(
            f"'{path}' lists the added token {short_repr(entry)}, expected an object with its content"
        )
    if type(number) is not int or number < 0:
        raise CheckpointError(
            f"'{path}' gives the added token {short_repr(content)} the id {short_repr(number)}, expected a number"
        )
    flags = {flag: entry[flag] for flag in FLAGS if entry.get(flag) is not None}
    wrong = [flag for flag, value in flags.items() if not isinstance(value, bool)]
    if wrong:
        raise CheckpointError(
            f"'{path}' has {wrong[0]} {short_repr(flags[wrong[0]])} in {short_repr(content)}, expected true or false"
        )
    return AddedToken(id=number, content=content, **flags)


def read_special_tokens(files: TokenizerFiles, ids: Mapping[str, int]) -> tuple[AddedToken, ...]:
    """Return those of the family's special tokens that are found in a text as a whole.

    The family's own classes know all of them. Others know those that the folder lists as added ones or names; the
    padding token counts always, as no batch can be padded without it. How a token is looked for is decided as for
    added tokens; where no file lists it, by its object among the named ones, else as the family's class does.
    """
    family = files.family
    named = files.config if files.lists_added_tokens else {**files.config, **files.special_tokens_map}
    listed = {token.content: token for token in (*_of_tokenizer_json(files), *_of_config(files))}
    known = {family.pad_token, *_contents({key: named.get(key) for key in family.special_tokens}), *listed}
    return tuple(
        listed.get(content) or _named_token(files, content, ids[content], named)
        for content in family.special_contents
        if not files.is_as_it_is or content in known
    )


def _named_token(files: TokenizerFiles, content: str, number: int, named: Mapping[str, Any]) -> AddedToken:
    """Return the special token `content`, with the flags of its object in `named` if there is one."""
    family = files.family
    keys = [key for key, token in family.special_tokens.items() if token == content]
    entry = next((named[key] for key in keys if isinstance(named.get(key), Mapping)), None)
    if entry is not None:
        return _token(files.folder / CONFIG, number, {"normalized": False, **entry, "special": True})
    takes_blanks = family.mask_takes_blanks and "mask_token" in keys and not files.is_as_it_is
    return AddedToken(id=number, content=content, lstrip=takes_blanks, normalized=False, special=True)


def _check_ids(folder: Path, ids: Mapping[str, int], tokens: list[AddedToken]) -> None:
    """Raise CheckpointError unless each of `tokens` has its own id, which the vocabulary gives to no other token."""
    known = dict(ids)
    owners = {number: token for token, number in ids.items()}
    for token in tokens:
        number, owner = known.setdefault(token.content, token.id), owners.setdefault(token.id, token.content)
        if number != token.id:
            raise CheckpointError(
                f"'{folder}' gives the token {short_repr(token.content)} two ids, {number} and {token.id}: download "
                "its tokenizer files again"
            )
        if owner != token.content:
            raise CheckpointError(
                f"'{folder}' gives the id {token.id} to two tokens, {short_repr(owner)} and "
                f"{short_repr(token.content)}, of which transformers would take the second for a new one of another "
                "id: write it over the first in the vocabulary, or remove it from the added tokens"
            )
    for number in range(len(ids), max(owners, default=0)):
        if number not in owners:
            raise CheckpointError(
                f"'{folder}' adds tokens up to the id {max(owners)} but none of the id {number}: download its "
                "tokenizer files again"
            )
