"""The files that say how a checkpoint's tokenizer works, read as transformers reads them.

A `BertTokenizer` takes casing, accents and Chinese characters from tokenizer_config.json, whatever tokenizer.json says
of them; a `PreTrainedTokenizerFast` takes tokenizer.json as it is. (transformers 4.57, `tokenization_bert_fast.py`; a
`MPNetTokenizer` differs in the Chinese characters, `tokenization_mpnet_fast.py`.)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.checkpoint.normalization import State, check_state
from biobert_onnx_export.checkpoint.tokenizer_families import (
    AS_IT_IS,
    BERT,
    FAMILIES,
    TokenizerFamily,
    family_of_class,
    family_of_model,
)
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

    `family`: what kind of tokenizer it is. `is_as_it_is`: whether transformers takes tokenizer.json as it is, and does
    not load it with the family's own class. `do_lower_case`, `strip_accents` and
    `tokenize_chinese_chars` are those of tokenizer_config.json, None where it does not set them. `normalizer` and
    `model` are parts of tokenizer.json.
    """

    folder: Path
    family: TokenizerFamily
    is_as_it_is: bool
    do_lower_case: bool | None
    strip_accents: bool | None
    tokenize_chinese_chars: bool | None
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
        files = cls(
            folder=folder,
            family=_family_of_json(content) if named in AS_IT_IS else _family(folder, named),
            is_as_it_is=named in AS_IT_IS,
            do_lower_case=_flag(folder / CONFIG, config, "do_lower_case"),
            strip_accents=_flag(folder / CONFIG, config, "strip_accents"),
            tokenize_chinese_chars=_flag(folder / CONFIG, config, "tokenize_chinese_chars"),
            config=config,
            content=content,
            special_tokens_map=_read_if_there(folder / SPECIAL_TOKENS_MAP),
        )
        _check_only_values(folder / CONFIG, config)
        _check_special_tokens(files)
        _check_parts(files)
        return files

    @property
    def normalizer(self) -> State | None:
        """The normalizer of tokenizer.json, None without that file."""
        return self.content["normalizer"] if self.content else None

    @property
    def own_normalizer(self) -> State | None:
        """The normalizer of tokenizer.json if transformers 4 takes it as it is; None where settings decide.

        Of a family's own class, tokenizer_config.json sets the BertNormalizer; any other normalizer stays.
        """
        state = self.normalizer
        is_set_by_config = not self.is_as_it_is and state is not None and state["type"] == "BertNormalizer"
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


def _family(folder: Path, named: object) -> TokenizerFamily:
    """Return the family of the class that is `named`; without one, of config.json's model_type, BERT without that.

    Raises CheckpointError for a class and for a model_type whose tokenizer does not export.
    """
    if named is None:
        model_type = _read_if_there(folder / "config.json").get("model_type", "bert")
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


def _family_of_json(content: Mapping[str, Any]) -> TokenizerFamily:
    """Tell the family of a tokenizer.json by the frame that it puts around a text; BERT if no other fits."""
    return next((family for family in FAMILIES if _frames_texts(content.get("post_processor"), family)), BERT)


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


def _check_parts(files: TokenizerFiles) -> None:
    """Raise CheckpointError for a part of tokenizer.json that is not the family's and has no counterpart here."""
    if not files.content:
        return
    path = files.folder / TOKENIZER_JSON
    for key, fault in _faults(files.content, files.family):
        raise CheckpointError(f"'{path}' has {key} {fault}: it is no {files.family.name} tokenizer")
    check_state(path, files.normalizer)


def _faults(content: Mapping[str, Any], family: TokenizerFamily) -> Iterator[tuple[str, str]]:
    """Yield each part of tokenizer.json that differs from the family's, and how."""
    model, splitter = content.get("model"), content.get("pre_tokenizer")
    unknown = family.unk_token
    if not isinstance(model, Mapping) or model.get("type", "WordPiece") != "WordPiece":
        kind = model.get("type") if isinstance(model, Mapping) else model
        yield "a model", f"{short_repr(kind)}, expected 'WordPiece'"
    elif not isinstance(model.get("vocab"), Mapping):
        yield "a vocab", "of another type, expected an object of tokens and their ids"
    elif model.get("continuing_subword_prefix", "##") != "##" or model.get("unk_token", "[UNK]") != unknown:
        yield "a model", f"with another prefix than '##' or another unknown token than '{unknown}'"
    if not isinstance(splitter, Mapping) or splitter.get("type") != "BertPreTokenizer":
        kind = splitter.get("type") if isinstance(splitter, Mapping) else splitter
        yield "pre_tokenizer", f"{short_repr(kind)}, expected 'BertPreTokenizer'"
    processor = content.get("post_processor")
    if not _frames_texts(processor, family):
        expected = f"one that puts {family.cls_token} and {family.sep_token}"
        yield "post_processor", f"{short_repr(processor)}, expected {expected}"


def _frames_texts(processor: object, family: TokenizerFamily) -> bool:
    """Tell whether a post_processor puts the family's cls before a text and its sep after it, and no more."""
    if not isinstance(processor, Mapping):
        return False
    cls, sep = family.cls_token, family.sep_token
    if processor.get("type") in ("BertProcessing", "RobertaProcessing"):
        ends = [processor.get(key) for key in ("cls", "sep")]
        return [end[0] for end in ends if isinstance(end, list) and end] == [cls, sep]
    if processor.get("type") != "TemplateProcessing" or not isinstance(processor.get("single"), list):
        return False
    special = processor.get("special_tokens")
    pieces = [dict(piece) for piece in processor["single"] if isinstance(piece, Mapping)]
    names = [(kind, value.get("id")) for piece in pieces for kind, value in piece.items() if isinstance(value, Mapping)]
    is_known = isinstance(special, Mapping) and {cls, sep} <= special.keys()
    return is_known and names == [("SpecialToken", cls), ("Sequence", "A"), ("SpecialToken", sep)]
