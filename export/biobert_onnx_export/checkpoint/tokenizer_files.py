"""The files that say how a checkpoint's tokenizer works, read as transformers reads them.

A `BertTokenizer` takes casing, accents and Chinese characters from tokenizer_config.json, whatever tokenizer.json says
of them; a `PreTrainedTokenizerFast` takes tokenizer.json as it is. (transformers 4.57, `tokenization_bert_fast.py`; a
`MPNetTokenizer` differs in the Chinese characters, `tokenization_mpnet_fast.py`.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.checkpoint.normalization import NO_NORMALIZER, State
from biobert_onnx_export.checkpoint.tokenizer_families import (
    AS_IT_IS,
    FAMILIES,
    WORDPIECE,
    TokenizerFamily,
    family_of_class,
    family_of_model,
)
from biobert_onnx_export.checkpoint.tokenizer_json import check_parts, family_of_json
from biobert_onnx_export.errors import CheckpointError

TOKENIZER_JSON = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS_MAP = "special_tokens_map.json"

ONLY_VALUES: Mapping[str, Any] = {"truncation_side": "right", "split_special_tokens": False}
"""The only supported value of keys of tokenizer_config.json that change token ids."""

DECODER = "added_tokens_decoder"
"""The key of tokenizer_config.json that lists added tokens."""


@dataclass(frozen=True, kw_only=True)
class TokenizerFiles:
    """The contents of a folder's tokenizer files; a file that is not there has no contents.

    `model_type`: that of config.json, "bert" without one. `family`: what kind of tokenizer it is. `is_as_it_is`:
    whether transformers takes tokenizer.json as it is, and does not load it with the family's own class.
    `do_lower_case`, `strip_accents`, `tokenize_chinese_chars`, `add_prefix_space` and `trim_offsets` are those of
    tokenizer_config.json, None where it does not set them.
    """

    folder: Path
    model_type: object
    family: TokenizerFamily
    is_as_it_is: bool
    do_lower_case: bool | None
    strip_accents: bool | None
    tokenize_chinese_chars: bool | None
    add_prefix_space: bool | None
    trim_offsets: bool | None
    config: Mapping[str, Any]
    content: Mapping[str, Any]
    special_tokens_map: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the tokenizer files in `folder`.

        Raises CheckpointError for a file that is damaged, for a setting of a wrong type, and for a tokenizer of no
        family that exports.
        """
        config, content = _read_if_there(folder / CONFIG), _read_if_there(folder / TOKENIZER_JSON)
        named = _class_name(folder, config)
        if named in AS_IT_IS and not content:
            raise CheckpointError(
                f"'{folder / CONFIG}' names the class {named}, which needs {TOKENIZER_JSON}: download it beside"
            )
        model_type = _read_if_there(folder / "config.json").get("model_type", "bert")
        files = cls(
            folder=folder,
            model_type=model_type,
            family=family_of_json(content) if named in AS_IT_IS else _family(folder, named, model_type),
            is_as_it_is=named in AS_IT_IS,
            do_lower_case=_flag(folder / CONFIG, config, "do_lower_case"),
            strip_accents=_flag(folder / CONFIG, config, "strip_accents"),
            tokenize_chinese_chars=_flag(folder / CONFIG, config, "tokenize_chinese_chars"),
            add_prefix_space=_given_flag(folder / CONFIG, config, "add_prefix_space"),
            trim_offsets=_given_flag(folder / CONFIG, config, "trim_offsets"),
            config=config,
            content=content,
            special_tokens_map=_read_if_there(folder / SPECIAL_TOKENS_MAP),
        )
        _check_only_values(folder / CONFIG, config)
        _check_special_tokens(files)
        if content:
            check_parts(folder / TOKENIZER_JSON, content, files.family)
        return files

    @property
    def normalizer(self) -> State | None:
        """The normalizer of tokenizer.json, None without that file; null there is one that changes nothing."""
        if not self.content:
            return None
        return NO_NORMALIZER if self.content.get("normalizer") is None else self.content["normalizer"]

    @property
    def own_normalizer(self) -> State | None:
        """The normalizer of tokenizer.json if transformers 4 takes it as it is; None where settings decide.

        Of a WordPiece family's own class, tokenizer_config.json sets the BertNormalizer; any other normalizer stays.
        """
        state = self.normalizer
        is_bert = state is not None and state["type"] == "BertNormalizer"
        is_set_by_config = is_bert and not self.is_as_it_is and self.family.model == WORDPIECE
        return None if is_set_by_config else state

    @property
    def lists_added_tokens(self) -> bool:
        """Whether tokenizer_config.json lists the added tokens: transformers then reads no file of older versions."""
        return self.config.get(DECODER) is not None


def _read_if_there(path: Path) -> Mapping[str, Any]:
    return read_json(path) if is_there(path) else {}


def _class_name(folder: Path, config: Mapping[str, Any]) -> object:
    """Return the name of the tokenizer's class in tokenizer_config.json or config.json, None if they name none."""
    name = config.get("tokenizer_class")
    return _read_if_there(folder / "config.json").get("tokenizer_class") if name is None else name


def _family(folder: Path, named: object, model_type: object) -> TokenizerFamily:
    """Return the family of the class that is `named`; without one, of config.json's `model_type`.

    Raises CheckpointError for a class and for a model_type whose tokenizer does not export.
    """
    if named is None:
        family = family_of_model(model_type)
        if family is None:
            known = ", ".join(name for each in FAMILIES for name in each.model_types)
            raise CheckpointError(
                f"'{folder / 'config.json'}' has model_type {short_repr(model_type)}, expected one of {known}: no "
                "tokenizer of another one can be exported"
            )
        return family
    family = family_of_class(named)
    if family is None:
        known = ", ".join((*(name for each in FAMILIES for name in each.classes), *AS_IT_IS))
        raise CheckpointError(
            f"'{folder / CONFIG}' names the class {short_repr(named)}, expected one of {known}: no other tokenizer can "
            "be exported"
        )
    return family


def _given_flag(path: Path, config: Mapping[str, Any], key: str) -> bool | None:
    """Return the setting `key`, None if it is absent; transformers refuses null."""
    if key in config and not isinstance(config[key], bool):
        raise CheckpointError(f"'{path}' has {key} {short_repr(config[key])}, expected true or false")
    return config.get(key)


def _flag(path: Path, config: Mapping[str, Any], key: str) -> bool | None:
    """Return the setting `key`; null means that it is not set."""
    value = config.get(key)
    if value is not None and not isinstance(value, bool):
        raise CheckpointError(f"'{path}' has {key} {short_repr(value)}, expected true, false or null")
    return value


def _check_only_values(path: Path, config: Mapping[str, Any]) -> None:
    for key, expected in ONLY_VALUES.items():
        if config.get(key, expected) != expected:
            raise CheckpointError(
                f"'{path}' has {key} {short_repr(config[key])}, expected {expected!r}: nothing else can be exported"
            )


def _check_special_tokens(files: TokenizerFiles) -> None:
    for path, content in (
        (files.folder / CONFIG, files.config),
        (files.folder / SPECIAL_TOKENS_MAP, files.special_tokens_map),
    ):
        for key, expected in files.family.special_tokens.items():
            value = content.get(key, expected)
            token = value.get("content") if isinstance(value, Mapping) else value
            if token != expected and value is not None:
                raise CheckpointError(
                    f"'{path}' has {key} {short_repr(token)}, expected {expected!r}: only {files.family.name}'s own "
                    "export"
                )
