"""A real, trained encoder: all-MiniLM-L6-v2 at int8, and at float32 with a stray capital in its vocabulary."""

import shutil
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from benchmarks.inputs.minilm import minilm_checkpoint
from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import cosines
from biobert_onnx_export import export
from biobert_onnx_export.reference.texts import TextSets
from tests.support.checkpoints import transformers_vectors
from tests.support.sentence_transformers import sentence_transformer

pytestmark = pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")  # 3 of the report's texts are cut


def test_int8_vectors_are_as_close_as_the_manifest_says(minilm: Path, tmp_path: Path) -> None:
    texts = TextSets.read(None).held_out["gated"]
    checkpoint = minilm_checkpoint(tmp_path)
    expected = transformers_vectors(checkpoint, texts, pooling="mean", lower_case=True, max_length=256)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    manifest = Manifest.read(minilm)
    records = {"onnxruntime": manifest.fidelity, "kernels": manifest.kernels_fidelity}
    for engine in {"onnxruntime", SentenceEncoder(minilm).engine}:
        cosine = (SentenceEncoder(minilm, engine=engine).encode(texts) * expected).sum(axis=1)
        assert cosine.mean() >= 0.9985
        assert cosine.min() >= 0.99
        sets = records[engine]
        assert sets is not None
        assert sets["gated"]["cosine_mean"] == pytest.approx(cosine.mean(), abs=2e-6)
        assert sets["gated"]["cosine_min"] == pytest.approx(cosine.min(), abs=2e-6)


def test_every_text_has_the_same_bits_alone_and_in_company(minilm: Path) -> None:
    texts = TextSets.read(None).held_out["gated"]
    together = SentenceEncoder(minilm, threads=2).encode(texts)
    single = SentenceEncoder(minilm, threads=1)
    assert (together == np.vstack([single.encode([text]) for text in texts])).all()
    assert (together == single.encode(texts[::-1])[::-1]).all()


def test_related_sentences_are_closer_than_unrelated_ones(minilm: Path) -> None:
    a, b, c = SentenceEncoder(minilm).encode(
        ["Aspirin lowers the risk of heart attack.", "Aspirin prevents heart attacks.", "The train was late again."]
    )
    assert a @ b > 0.8
    assert a @ c < 0.2


def test_the_vector_of_a_long_text_has_unit_length(minilm: Path) -> None:
    texts = TextSets.read(None).held_out["gated"]
    encoder = SentenceEncoder(minilm)
    whole, half = " ".join(texts[:40]), " ".join(texts[:20])
    assert encoder.token_counts([whole]) > 4 * encoder.max_length
    vectors = encoder.encode([whole, half, *texts[-40:]], long_texts="window")
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(42), abs=1e-6)
    assert vectors[0] @ vectors[1] > (vectors[2:] @ vectors[0]).max()


HELD_OUT = tuple(chain.from_iterable(TextSets.read(None).held_out.values()))

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


@pytest.fixture(scope="module")
def their_vectors(tmp_path_factory: pytest.TempPathFactory) -> FloatArray:
    """sentence-transformers' vectors of HELD_OUT, of the published folder."""
    vectors: FloatArray = sentence_transformer(minilm_checkpoint(tmp_path_factory.mktemp("minilm"))).encode(HELD_OUT)
    return vectors


def strayed(folder: Path, kept: tuple[str, ...]) -> Path:
    """A copy with `##TM` in the place of [unused7], and of the tokenizer's files only those that are `kept`."""
    shutil.copytree(minilm_checkpoint(folder), folder / "strayed")
    for name in TOKENIZER_FILES:
        path = folder / "strayed" / name
        if name not in kept:
            path.unlink()
        elif name == "vocab.txt":
            path.write_text(path.read_text(encoding="utf-8").replace("[unused7]\n", "##TM\n"), encoding="utf-8")
    return folder / "strayed"


@pytest.mark.parametrize("kept", [("vocab.txt",), ("vocab.txt", "tokenizer_config.json", "special_tokens_map.json")])
@pytest.mark.filterwarnings("ignore")  # sentence-transformers' own
def test_one_stray_capital_leaves_every_vector_what_it_was(
    their_vectors: FloatArray, tmp_path: Path, kept: tuple[str, ...]
) -> None:
    manifest = export(strayed(tmp_path, kept), tmp_path / "artifact", precision="fp32")
    assert manifest.casing == "uncased"
    found = SentenceEncoder(tmp_path / "artifact").encode(HELD_OUT)
    assert cosines(found, their_vectors).min() >= 0.99999
