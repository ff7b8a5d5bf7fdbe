"""The model card says what the manifest says, and of licence and origin only what is certain."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from biobert_onnx import Manifest
from biobert_onnx_export.publish.model_card import model_card

HUB = {
    "source": "dmis-lab/biobert-v1.1",
    "revision": "0" * 40,
    "weights": "pytorch_model.bin",
    "sha256": "1" * 64,
    "model": "sent_biobert_pubmed_base_cased",
    "known_answers": {"sentences": [], "words": []},
    "unknown_per_thousand": {"cased": 0.5, "uncased": 0.4},
    "compared_with": {"loader": "transformers 5.0", "texts": 265, "told": ["casing"], "tolerance": 1e-4},
}


@pytest.fixture
def manifest(artifact: Path) -> Manifest:
    return Manifest.read(artifact)


def front_matter(card: str) -> dict[str, Any]:
    before, matter, _ = card.split("---\n", 2)
    assert before == ""
    content = yaml.safe_load(matter)
    assert isinstance(content, dict)
    return content


def test_the_card_in_the_artifact_is_that_of_its_manifest(artifact: Path, manifest: Manifest) -> None:
    assert (artifact / "README.md").read_text(encoding="utf-8") == model_card(manifest)


def test_its_figures_are_the_manifests(manifest: Manifest) -> None:
    rows = [line.strip("| ").split(" | ") for line in model_card(manifest).splitlines() if line.startswith("| ")]
    keys = ("texts", "cosine_mean", "cosine_p1", "cosine_min", "max_abs_error")
    (second,) = [number for number, row in enumerate(rows) if row[2] == "centred mean"]
    found = {(row[0], row[1]): [float(cell) for cell in row[2:]] for row in rows[1:second]}
    searches = {(row[0], row[1]): [float(cell.rstrip("%")) for cell in row[2:]] for row in rows[second + 1 :]}
    measured = {"onnxruntime": manifest.fidelity, "kernels": manifest.kernels_fidelity or {}}
    records = {(name, engine): record for engine, sets in measured.items() for name, record in sets.items()}
    assert set(found) == set(records)
    assert set(manifest.fidelity) == {"gated", "general"}
    for place, record in records.items():
        assert found[place] == pytest.approx([record[key] for key in keys], abs=5.1e-6)
        centred = [record["centred_mean"], record["centred_min"]]
        expected = [*centred, 100 * record["neighbours_kept"], record["rank_correlation"]]
        assert searches[place] == pytest.approx(expected, abs=0.051)
        assert searches[place][:2] == pytest.approx(centred, abs=5.1e-6)


def test_it_names_recipe_calibration_and_length(manifest: Manifest) -> None:
    card = model_card(manifest)
    recipe = manifest.quantization
    for fact in (recipe["recipe"], recipe["calibration"]["sha256"], *recipe["outlier_layers"], "cut to 128 tokens"):
        assert fact in card
    assert "None: weights and activations are float32." in model_card(replace(manifest, quantization={}))


def test_it_says_how_the_checkpoint_was_read(manifest: Manifest) -> None:
    rule = manifest.rules[0]
    rates, compared = manifest.checkpoint["unknown_per_thousand"], manifest.checkpoint["compared_with"]
    card = model_card(manifest)
    assert f"- {rule['about']}: {rule['decision']} ({rule['reason']})" in card
    assert f"biomedical text: {rates['cased']} cased, {rates['uncased']} uncased" in card
    assert f"- compared with {compared['loader']} on 265 texts: equal token ids" in card
    assert "once told of casing" in model_card(replace(manifest, checkpoint=HUB))
    alone = HUB | {"compared_with": {"loader": None, "reason": "no library loads an archive"}}
    assert "not compared with the folder's own loader: no library loads" in model_card(
        replace(manifest, checkpoint=alone)
    )


def test_an_unknown_checkpoint_gets_no_licence_or_citation(manifest: Manifest) -> None:
    card = model_card(manifest)
    assert set(front_matter(card)) == {"library_name", "pipeline_tag", "tags"}
    assert "Lee et al." not in card and "BioBERT" not in card


def test_a_biobert_from_the_hub_gets_licence_and_citation(manifest: Manifest) -> None:
    card = model_card(replace(manifest, checkpoint=HUB))
    assert front_matter(card) == {
        "library_name": "biobert-onnx",
        "pipeline_tag": "sentence-similarity",
        "base_model": "dmis-lab/biobert-v1.1",
        "license": "apache-2.0",
        "language": "en",
        "tags": ["onnx", "sentence-embeddings", "int8", "biomedical"],
    }
    assert "BioBERT-Base v1.1 (+ PubMed 1M): sentence vectors" in card and "arXiv 1901.08746" in card


@pytest.mark.parametrize(("distance", "certain"), [(2e-6, True), (0.3, False)])
def test_a_folder_called_biobert_is_one_if_its_numbers_are(manifest: Manifest, distance: float, certain: bool) -> None:
    answers = {"sentences": [], "words": [{"casing": "cased", "distance": distance}]}
    local = HUB | {"source": "biobert_v1.1_pubmed", "revision": None, "known_answers": answers}
    card = model_card(replace(manifest, checkpoint=local))
    assert (front_matter(card).get("license") == "apache-2.0") == certain
    assert ("arXiv 1901.08746" in card) == certain


def test_the_public_domain_is_a_licence_of_its_own_name(manifest: Manifest) -> None:
    medcpt = HUB | {"source": "ncbi/MedCPT-Query-Encoder", "model": "medcpt-query"}
    matter = front_matter(model_card(replace(manifest, checkpoint=medcpt)))
    assert (matter["license"], matter["license_name"]) == ("other", "public-domain")


def test_another_hub_checkpoint_is_named_without_a_licence(manifest: Manifest) -> None:
    card = model_card(replace(manifest, checkpoint=HUB | {"source": "someone/bert", "model": None}))
    assert front_matter(card)["base_model"] == "someone/bert"
    assert "license" not in front_matter(card)
