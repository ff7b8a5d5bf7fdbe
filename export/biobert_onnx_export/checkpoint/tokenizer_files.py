"""The files that say how a checkpoint's tokenizer works, read as transformers reads them.

A `BertTokenizer` takes casing, accents and Chinese characters from tokenizer_config.json, whatever tokenizer.json says
of them; a `PreTrainedTokenizerFast` takes tokenizer.json as it is. (transformers 4.57, `tokenization_bert_fast.py`.)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.checkpoint.normalization import State, check_state
from biobert_onnx_export.errors import CheckpointError

TOKENIZER_JSON = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS_MAP = "special_tokens_map.json"

BERT_CLASSES = ("BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast")
"""Classes that all split texts as BERT's tokenizer does, with its settings."""

AS_IT_IS = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Classes that take tokenizer.json as it is; transformers 5 has the second name."""

ONLY_VALUES: Mapping[str, Any] = {"truncation_side": "right", "split_special_tokens": False}
"""The only supported value of keys of tokenizer_config.json that change token ids."""

DECODER = "added_tokens_decoder"
"""The key of tokenizer_config.json that lists added tokens."""

SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
"""BERT's special tokens, by the names that transformers gives them."""


@dataclass(frozen=True, kw_only=True)
class TokenizerFiles:
    """The contents of a folder's tokenizer files; a file that is not there has no contents.

    `is_bert`: whether transformers loads them with its BertTokenizer. `do_lower_case`, `strip_accents` and
    `tokenize_chinese_chars` are those of tokenizer_config.json, None where it does not set them. `normalizer` and
    `model` are parts of tokenizer.json.
    """

    folder: Path
    is_bert: bool
    do_lower_case: bool | None
    strip_accents: bool | None
    tokenize_chinese_chars: bool | None
    config: Mapping[str, Any]
    content: Mapping[str, Any]
    special_tokens_map: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the tokenizer files in `folder`.

        Raises CheckpointError for a file that is damaged, for a setting of a wrong type, and for a tokenizer that is
        not BERT's.
        """
        config, content = _read_if_there(folder / CONFIG), _read_if_there(folder / TOKENIZER_JSON)
        files = cls(
            folder=folder,
            is_bert=_is_bert(folder, config),
            do_lower_case=_flag(folder / CONFIG, config, "do_lower_case"),
            strip_accents=_flag(folder / CONFIG, config, "strip_accents"),
            tokenize_chinese_chars=_flag(folder / CONFIG, config, "tokenize_chinese_chars"),
            config=config,
            content=content,
            special_tokens_map=_read_if_there(folder / SPECIAL_TOKENS_MAP),
        )
        if not files.is_bert and not content:
            raise CheckpointError(
                f"'{folder / CONFIG}' names the class {config['tokenizer_class']}, which needs {TOKENIZER_JSON}: "
                "download it beside"
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

        Of a BertTokenizer, tokenizer_config.json sets the BertNormalizer; any other normalizer stays.
        """
        state = self.normalizer
        is_set_by_config = self.is_bert and state is not None and state["type"] == "BertNormalizer"
        return None if is_set_by_config else state

    @property
    def lists_added_tokens(self) -> bool:
        """Whether tokenizer_config.json lists the added tokens: transformers then reads no file of older versions."""
        return self.config.get(DECODER) is not None


def _read_if_there(path: Path) -> Mapping[str, Any]:
    return read_json(path) if is_there(path) else {}


def _is_bert(folder: Path, config: Mapping[str, Any]) -> bool:
    """Tell by the name of the tokenizer's class whether it is BERT's, or tokenizer.json as it is; else raise."""
    name = config.get("tokenizer_class")
    if name is None:
        name = _read_if_there(folder / "config.json").get("tokenizer_class")
    if name is None or name in BERT_CLASSES:
        return True
    if name in AS_IT_IS:
        return False
    raise CheckpointError(
        f"'{folder / CONFIG}' names the class {short_repr(name)}, expected one of "
        f"{', '.join((*BERT_CLASSES, *AS_IT_IS))}: no other tokenizer can be exported"
    )


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
        for key, expected in SPECIAL_TOKENS.items():
            value = content.get(key, expected)
            token = value.get("content") if isinstance(value, Mapping) else value
            if token != expected and value is not None:
                raise CheckpointError(
                    f"'{path}' has {key} {short_repr(token)}, expected {expected!r}: only BERT's own export"
                )


def _check_parts(files: TokenizerFiles) -> None:
    """Raise CheckpointError for a part of tokenizer.json that is not BERT's and has no counterpart here."""
    if not files.content:
        return
    path = files.folder / TOKENIZER_JSON
    for key, fault in _faults(files.content):
        raise CheckpointError(f"'{path}' has {key} {fault}: it is no BERT tokenizer")
    check_state(path, files.normalizer)


def _faults(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each part of tokenizer.json that differs from BERT's, and how."""
    model, splitter = content.get("model"), content.get("pre_tokenizer")
    if not isinstance(model, Mapping) or model.get("type", "WordPiece") != "WordPiece":
        kind = model.get("type") if isinstance(model, Mapping) else model
        yield "a model", f"{short_repr(kind)}, expected 'WordPiece'"
    elif not isinstance(model.get("vocab"), Mapping):
        yield "a vocab", "of another type, expected an object of tokens and their ids"
    elif model.get("continuing_subword_prefix", "##") != "##" or model.get("unk_token", "[UNK]") != "[UNK]":
        yield "a model", "with another prefix than '##' or another unknown token than '[UNK]'"
    if not isinstance(splitter, Mapping) or splitter.get("type") != "BertPreTokenizer":
        kind = splitter.get("type") if isinstance(splitter, Mapping) else splitter
        yield "pre_tokenizer", f"{short_repr(kind)}, expected 'BertPreTokenizer'"
    if not _frames_texts(content.get("post_processor")):
        yield "post_processor", f"{short_repr(content.get('post_processor'))}, expected one that puts [CLS] and [SEP]"


def _frames_texts(processor: object) -> bool:
    """Tell whether a post_processor of tokenizer.json puts [CLS] before a text and [SEP] after it, and no more."""
    if not isinstance(processor, Mapping):
        return False
    if processor.get("type") == "BertProcessing":
        ends = [processor.get(key) for key in ("cls", "sep")]
        return [end[0] for end in ends if isinstance(end, list) and end] == ["[CLS]", "[SEP]"]
    if processor.get("type") != "TemplateProcessing" or not isinstance(processor.get("single"), list):
        return False
    special = processor.get("special_tokens")
    pieces = [dict(piece) for piece in processor["single"] if isinstance(piece, Mapping)]
    names = [(kind, value.get("id")) for piece in pieces for kind, value in piece.items() if isinstance(value, Mapping)]
    is_known = isinstance(special, Mapping) and {"[CLS]", "[SEP]"} <= special.keys()
    return is_known and names == [("SpecialToken", "[CLS]"), ("Sequence", "A"), ("SpecialToken", "[SEP]")]
