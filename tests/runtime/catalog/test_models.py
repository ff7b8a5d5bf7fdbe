"""The table of published checkpoints."""

import numpy as np
import pytest

from biobert_onnx.catalog.models import MODELS, SENTENCES, find
from biobert_onnx.catalog.published import distance, largest_distance
from biobert_onnx.cli.main import main


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("sent_biobert_pubmed_base_cased", "sent_biobert_pubmed_base_cased"),
        ("biobert_clinical_base_cased", "sent_biobert_clinical_base_cased"),
        ("biobert-v1.1", "sent_biobert_pubmed_base_cased"),
        ("dmis-lab/biobert-base-cased-v1.1", "sent_biobert_pubmed_base_cased"),
        ("biobert_v1.0_pmc", "sent_biobert_pmc_base_cased"),
        ("en.embed_sentence.biobert.clinical_base_cased", "sent_biobert_clinical_base_cased"),
    ],
)
def test_every_kind_of_name_finds_its_checkpoint(name: str, found: str) -> None:
    model = find(name)
    assert model is not None and model.name == found


@pytest.mark.parametrize("name", ["biobert", "", None, "all-MiniLM-L6-v2"])
def test_other_names_find_none(name: str | None) -> None:
    assert find(name) is None


def test_no_name_stands_for_two_checkpoints() -> None:
    names = [name for model in MODELS for name in model.names]
    assert len(set(names)) == len(names)


def test_every_printed_number_can_be_compared() -> None:
    zeros = np.zeros(8, dtype=np.float32)
    for model in MODELS:
        assert len(model.sentences) in (0, len(SENTENCES))
        assert len(model.words) in (0, len(SENTENCES[0].split()))
        for printed in (model.sentences, model.words):
            if printed:
                assert 0.01 < largest_distance(printed, [zeros] * len(printed)) < 1


@pytest.mark.parametrize(
    ("printed", "value", "expected"),
    [
        ("0.25", 0.25, 0),
        ("0.25", 0.75, 0.5),
        ("-0.25", 0.25, 0.5),
        ("0.25...", 0.2575, 0),
        ("0.25...", 0.5, 0.24),
        ("0.25...", 0, 0.25),
        ("-0.5...", -0.5625, 0),
        ("-0.5...", -0.75, 0.15),
        ("-0.5...", 0.5, 1),
        ("-0...", -0.75, 0),
        ("-0...", -1.25, 0.25),
        ("-0...", 0.25, 0.25),
    ],
)
def test_a_cut_number_stands_for_all_that_begin_with_its_digits(printed: str, value: float, expected: float) -> None:
    assert distance(printed, np.array([value], dtype=np.float32)) == pytest.approx(expected)


def test_the_command_lists_every_checkpoint_with_what_is_known_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(MODELS) + 2
    for line, model in zip(lines[1:], MODELS, strict=False):
        assert all(part in line for part in (model.name, model.short, str(model.dim), model.licence, model.where))
