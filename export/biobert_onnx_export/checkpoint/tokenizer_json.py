"""The parts of a tokenizer.json: what kind of tokenizer they make, and which of them cannot be exported."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.normalization import check_state
from biobert_onnx_export.checkpoint.tokenizer_families import (
    BERT,
    BYTE_LEVEL,
    FAMILIES,
    ROBERTA,
    WORDPIECE,
    TokenizerFamily,
)
from biobert_onnx_export.errors import CheckpointError

BPE_VALUES: Mapping[str, tuple[Any, ...]] = {
    "dropout": (None,),
    "unk_token": (None, ROBERTA.unk_token),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "fuse_unk": (None, False),
    "byte_fallback": (None, False),
    "ignore_merges": (None, False),
}
"""The supported values of the settings of a BPE model; RoBERTa's classes set the same. Absent keys are null."""


def family_of_json(content: Mapping[str, Any]) -> TokenizerFamily:
    """Tell the family of a tokenizer.json by its model and the frame that it puts around a text; BERT if none fits."""
    processor = content.get("post_processor")
    model = content.get("model")
    kind = model.get("type", WORDPIECE) if isinstance(model, Mapping) else WORDPIECE
    alike = [family for family in FAMILIES if family.model == kind]
    return next((family for family in alike if _frames_texts(processor, family)), alike[0] if alike else BERT)


def check_parts(path: Path, content: Mapping[str, Any], family: TokenizerFamily) -> None:
    """Raise CheckpointError for a part of the tokenizer.json at `path` that has no counterpart here.

    Such a part is not the family's, and the network was trained with another tokenizer than those that export.
    """
    faults = _faults_of_bytes if family.model == BYTE_LEVEL else _faults_of_wordpiece
    for key, fault in (*faults(content, family), *_faults_of_frame(content, family)):
        raise CheckpointError(f"'{path}' has {key} {fault}: it is no {family.name} tokenizer")
    state = content.get("normalizer")
    if state is not None or family.model == WORDPIECE:
        check_state(path, state)


def _faults_of_wordpiece(content: Mapping[str, Any], family: TokenizerFamily) -> Iterator[tuple[str, str]]:
    """Yield each part of tokenizer.json that differs from the WordPiece of `family`, and how."""
    model, splitter = content.get("model"), content.get("pre_tokenizer")
    unknown = family.unk_token
    if not isinstance(model, Mapping) or model.get("type", WORDPIECE) != WORDPIECE:
        yield "a model", f"{_kind(model)}, expected '{WORDPIECE}'"
    elif not isinstance(model.get("vocab"), Mapping):
        yield "a vocab", "of another type, expected an object of tokens and their ids"
    elif model.get("continuing_subword_prefix", "##") != "##" or model.get("unk_token", "[UNK]") != unknown:
        yield "a model", f"with another prefix than '##' or another unknown token than '{unknown}'"
    if not isinstance(splitter, Mapping) or splitter.get("type") != "BertPreTokenizer":
        yield "pre_tokenizer", f"{_kind(splitter)}, expected 'BertPreTokenizer'"


def _faults_of_bytes(content: Mapping[str, Any], family: TokenizerFamily) -> Iterator[tuple[str, str]]:
    """Yield each part of tokenizer.json that differs from a BPE of bytes, and how."""
    model, splitter = content.get("model"), content.get("pre_tokenizer")
    if not isinstance(model, Mapping) or model.get("type") != BYTE_LEVEL:
        yield "a model", f"{_kind(model)}, expected '{BYTE_LEVEL}'"
    elif not isinstance(model.get("vocab"), Mapping):
        yield "a vocab", "of another type, expected an object of tokens and their ids"
    else:
        for key, values in BPE_VALUES.items():
            if model.get(key) not in values:
                expected = " or ".join("null" if value is None else repr(value) for value in values)
                yield key, f"{short_repr(model.get(key))} in its model, expected {expected}"
    if not isinstance(splitter, Mapping) or splitter.get("type") != "ByteLevel":
        yield "pre_tokenizer", f"{_kind(splitter)}, expected 'ByteLevel'"
        return
    for key in ("add_prefix_space", "use_regex"):
        if not isinstance(splitter.get(key, True), bool):
            yield key, f"{short_repr(splitter[key])} in its pre_tokenizer, expected true or false"
    if splitter.get("use_regex", True) is False:
        yield "use_regex", "False in its pre_tokenizer, expected True"


def _faults_of_frame(content: Mapping[str, Any], family: TokenizerFamily) -> Iterator[tuple[str, str]]:
    processor: Any = content.get("post_processor")
    if not _frames_texts(processor, family):
        expected = f"one that puts {family.cls_token} and {family.sep_token}"
        yield "post_processor", f"{short_repr(processor)}, expected {expected}"
    elif not isinstance(processor.get("trim_offsets", True), bool):
        yield "trim_offsets", f"{short_repr(processor['trim_offsets'])} in its post_processor, expected true or false"


def _kind(part: object) -> str:
    return short_repr(part.get("type") if isinstance(part, Mapping) else part)


def _frames_texts(processor: Any, family: TokenizerFamily) -> bool:
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
