"""The table of published checkpoints."""

import re
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx.artifact.manifest import POOLINGS
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
        ("sapbert", "sapbert"),
        ("cambridgeltl/SapBERT-from-PubMedBERT-fulltext", "sapbert"),
        ("SapBERT-from-PubMedBERT-fulltext", "sapbert"),
        ("microsoft/BiomedNLP-PubMedBERT-base-uncased-abstract-fulltext", "pubmedbert"),
        ("Bio_ClinicalBERT", "sent_biobert_clinical_base_cased"),
    ],
)
def test_every_kind_of_name_finds_its_checkpoint(name: str, found: str) -> None:
    model = find(name)
    assert model is not None and model.name == found


@pytest.mark.parametrize("name", ["biobert", "", None, "all-MiniLM-L6-v2", "cambridgeltl", "PubMedBERT"])
def test_other_names_find_none(name: str | None) -> None:
    assert find(name) is None


def test_no_name_stands_for_two_checkpoints() -> None:
    names = [name for model in MODELS for name in model.names]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "pooling", "casing", "max_length"),
    [
        ("biobert-v1.1", None, "cased", 512),
        ("bio-clinicalbert", None, "cased", 512),
        ("bluebert-pubmed-mimic", None, "uncased", 512),
        ("pubmedbert", None, "uncased", 512),
        ("scibert", None, "uncased", 512),
        ("scibert-cased", None, "cased", 512),
        ("specter", "cls", "uncased", 512),
        ("sapbert", "cls", "uncased", 25),
        ("sapbert-mean", "mean", "uncased", 25),
        ("medcpt-query", "cls", "uncased", 64),
        ("medcpt-article", "cls", "uncased", 512),
        ("s-pubmedbert-ms-marco", "mean", "uncased", None),
        ("pubmedbert-embeddings", "mean", "uncased", 512),
        ("krissbert", None, "uncased", 64),
    ],
)
def test_what_a_model_was_trained_with_is_what_its_publisher_says(
    name: str, pooling: str | None, casing: str, max_length: int | None
) -> None:
    model = find(name)
    assert model is not None
    assert (model.pooling, model.casing, model.max_length) == (pooling, casing, max_length)


def test_every_entry_has_values_that_export_knows_and_a_source() -> None:
    for model in MODELS:
        assert model.casing in ("cased", "uncased") and model.pooling in (None, *POOLINGS), model.short
        assert {*re.findall("(?:un)?cased", " ".join(model.hub))} <= {model.casing}, model.short
        assert model.dim in (768, 1024) and model.papers and (model.hub or model.archive), model.short


def test_names_for_typing_are_short_and_those_of_spark_nlp_and_nlu_only_of_its_models() -> None:
    for model in MODELS:
        assert re.fullmatch(r"[a-z0-9.-]{5,27}", model.short)
        assert any(name.startswith("en.") for name in model.names) == (model.spark_nlp is not None)
        assert model.name == (model.spark_nlp or model.short)


def test_only_the_article_encoder_takes_pairs() -> None:
    assert [model.short for model in MODELS if model.pairs] == ["medcpt-article"]


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
    headings = ("pre-trained:", "trained to give vectors:")
    assert len(lines) == 1 + len(headings) + 2 * len(MODELS) + 3
    for model in MODELS:
        at = next(index for index, line in enumerate(lines) if line.split()[:1] == [model.short])
        entry = f"{lines[at]} {lines[at + 1]}".split()
        known = (model.pooling or "-", model.casing, model.max_length or "?", model.dim, model.licence)
        assert all(str(part) in entry for part in known), model.short
        shown = " ".join(entry)
        assert all(part in shown for part in (model.name, model.title, model.where)), model.short
        heading = next(line for line in reversed(lines[:at]) if line in headings)
        assert heading == headings[model.pooling is not None]


def test_the_table_fits_a_terminal_of_120_columns(capsys: pytest.CaptureFixture[str]) -> None:
    main(["models"])
    assert max(len(line) for line in capsys.readouterr().out.splitlines()[:-1]) <= 120


def test_the_page_on_models_has_the_table_of_the_command() -> None:
    page = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    rows = [
        [cell.replace("`", "").strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if line[:3] == "| `"
    ]
    table = [
        (m.short, m.title, m.dim, m.casing, m.pooling or "-", m.max_length or "?", m.licence, m.where) for m in MODELS
    ]
    assert [row for row in rows if len(row) > 2] == [[str(cell) for cell in row] for row in table]
    assert [row for row in rows if len(row) == 2] == [[model.short, model.texts] for model in MODELS if model.texts]
