"""What a tokenizer does to a text before it looks for tokens: lower case, accents, Chinese characters, Unicode forms.

A normalizer is described as tokenizer.json describes it: an object with a "type" and the settings of that type.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tokenizers import normalizers

from biobert_onnx.errors import short_repr
from biobert_onnx_export.errors import CheckpointError

State = Mapping[str, Any]

LOWERCASE: State = {"type": "Lowercase"}

BERT_SETTINGS: Mapping[str, bool | None] = {
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
"""The settings of a BertNormalizer and their defaults; `strip_accents` None follows `lowercase`, as in BERT."""

WITHOUT_SETTINGS: Mapping[str, Callable[[], normalizers.Normalizer]] = {
    "Lowercase": normalizers.Lowercase,
    "NFC": normalizers.NFC,
    "NFD": normalizers.NFD,
    "NFKC": normalizers.NFKC,
    "NFKD": normalizers.NFKD,
    "StripAccents": normalizers.StripAccents,
}
"""Normalizers that change a character by itself or with its neighbours: a long text can be read in pieces."""


def bert_state(*, lowercase: bool, strip_accents: bool | None, chinese: bool, clean_text: bool = True) -> State:
    """Describe a BertNormalizer."""
    return {
        "type": "BertNormalizer",
        "clean_text": clean_text,
        "handle_chinese_chars": chinese,
        "strip_accents": strip_accents,
        "lowercase": lowercase,
    }


def sequence_state(*states: State) -> State:
    """Describe normalizers that run one after another."""
    return {"type": "Sequence", "normalizers": list(states)}


NO_NORMALIZER = sequence_state()
"""A normalizer that changes nothing, as byte-level BPE has it."""


def check_state(path: Path, state: object) -> None:
    """Raise CheckpointError unless `state`, from the tokenizer.json at `path`, describes a normalizer that exports."""
    kind = state.get("type") if isinstance(state, Mapping) else state
    if kind == "Sequence" and isinstance(state, Mapping) and isinstance(state.get("normalizers"), list):
        for each in state["normalizers"]:
            check_state(path, each)
    elif kind == "BertNormalizer" and isinstance(state, Mapping):
        _check_bert_settings(path, state)
    elif not isinstance(kind, str) or kind not in WITHOUT_SETTINGS:
        known = ", ".join(("BertNormalizer", "Sequence", *WITHOUT_SETTINGS))
        raise CheckpointError(
            f"'{path}' has the normalizer {short_repr(kind)}, expected one of {known}: no other one can be exported"
        )


def _check_bert_settings(path: Path, state: State) -> None:
    for key, default in BERT_SETTINGS.items():
        value = state.get(key, default)
        if not isinstance(value, bool) and not (value is None and default is None):
            raise CheckpointError(f"'{path}' has {key} {short_repr(value)} in its normalizer, expected true or false")


def lowercases(state: State) -> bool:
    """Tell whether a normalizer lower-cases a text.

    >>> lowercases(sequence_state(LOWERCASE, bert_state(lowercase=False, strip_accents=None, chinese=True)))
    True
    """
    if state["type"] == "Sequence":
        return any(lowercases(each) for each in state["normalizers"])
    return state["type"] == "Lowercase" or (state["type"] == "BertNormalizer" and bool(state.get("lowercase", True)))


def with_lowercase(state: State, lowercase: bool) -> State:
    """Describe the normalizer of `state` that lower-cases if `lowercase` says so, and is else the same."""
    if lowercases(state) == lowercase:
        return state
    if state["type"] == "BertNormalizer":
        return {**state, "lowercase": lowercase}
    if lowercase:
        return sequence_state(LOWERCASE, state)
    parts = state["normalizers"] if state["type"] == "Sequence" else []
    return sequence_state(*(with_lowercase(each, False) for each in parts if each["type"] != "Lowercase"))


def make_normalizer(state: State) -> normalizers.Normalizer:
    """Make the normalizer that `state`, which `check_state` accepts, describes."""
    if state["type"] == "Sequence":
        return normalizers.Sequence([make_normalizer(each) for each in state["normalizers"]])
    if state["type"] == "BertNormalizer":
        return normalizers.BertNormalizer(**{key: state.get(key, default) for key, default in BERT_SETTINGS.items()})
    return WITHOUT_SETTINGS[state["type"]]()
