"""Normalizers as tokenizer.json describes them: made, changed in their casing, or refused by name."""

from pathlib import Path

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.normalization import (
    LOWERCASE,
    State,
    bert_state,
    check_state,
    lowercases,
    make_normalizer,
    sequence_state,
    with_lowercase,
)

CASED = bert_state(lowercase=False, strip_accents=None, chinese=True)
UNCASED = bert_state(lowercase=True, strip_accents=None, chinese=True)
KEEPS_ACCENTS = bert_state(lowercase=True, strip_accents=False, chinese=False)
NESTED = sequence_state(sequence_state({"type": "NFKC"}, LOWERCASE), CASED)


@pytest.mark.parametrize(
    ("state", "normalized"),
    [
        (CASED, "Éa \ufb01  患  x"),
        (UNCASED, "ea \ufb01  患  x"),
        (KEEPS_ACCENTS, "éa \ufb01 患 x"),
        (NESTED, "éa fi  患  x"),
        (sequence_state({"type": "NFD"}, {"type": "StripAccents"}), "Ea \ufb01 患\tx"),
        (sequence_state(), "Éa \ufb01 患\tx"),
    ],
)
def test_a_described_normalizer_does_what_it_says(state: State, normalized: str) -> None:
    check_state(Path("tokenizer.json"), state)
    assert make_normalizer(state).normalize_str("Éa \ufb01 患\tx") == normalized


@pytest.mark.parametrize("state", [CASED, UNCASED, KEEPS_ACCENTS, NESTED, sequence_state()])
@pytest.mark.parametrize("lowercase", [True, False])
def test_the_casing_of_any_normalizer_can_be_changed(state: State, lowercase: bool) -> None:
    changed = with_lowercase(state, lowercase)
    assert lowercases(changed) == lowercase
    assert make_normalizer(changed).normalize_str("Gene") == ("gene" if lowercase else "Gene")
    assert with_lowercase(state, lowercases(state)) is state


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"type": "Replace", "pattern": {"String": "a"}, "content": "b"}, "has the normalizer 'Replace', expected one"),
        (sequence_state(LOWERCASE, {"type": "Precompiled"}), "has the normalizer 'Precompiled', expected one"),
        ({"type": "Sequence", "normalizers": None}, "has the normalizer 'Sequence', expected one"),
        (None, "has the normalizer None, expected one"),
        (["BertNormalizer"], r"has the normalizer \['BertNormalizer'\], expected one"),
        ({**CASED, "lowercase": "no"}, "has lowercase 'no' in its normalizer, expected true or false"),
        ({**CASED, "clean_text": None}, "has clean_text None in its normalizer, expected true or false"),
    ],
)
def test_any_other_normalizer_is_refused_by_name(state: object, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        check_state(Path("tokenizer.json"), state)
