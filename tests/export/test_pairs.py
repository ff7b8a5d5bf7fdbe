"""Artifacts that take pairs: their vectors are transformers', single texts keep their bits, and what is refused."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertModel, BertTokenizerFast

from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx._types import FloatArray, Text
from biobert_onnx.artifact.paths import ENCODER_GRAPH, MODEL_GRAPH, PLAN, TOKENIZER, WEIGHTS
from biobert_onnx.comparison.agreement import cosines
from biobert_onnx.encoding.sessions import encoder_inputs, open_session
from biobert_onnx.errors import ArtifactError
from biobert_onnx_export import CheckpointError, export
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.pairs import with_pairs_rule
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.gate.measure import check_pairs
from biobert_onnx_export.graph.artifact_graphs import write_graphs
from biobert_onnx_export.graph.network import float_plan
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.vectors import relative_difference
from tests.support.damage import copied
from tests.support.engines import each_engine
from tests.support.families import write_family
from tests.support.folders import WORDS, write_checkpoint

RANDOM = np.random.default_rng(18)
MAX_LENGTH = 40


def draw_text(most: int) -> str:
    return " ".join(RANDOM.choice(WORDS, RANDOM.integers(0, most)))


PAIRS = [(draw_text(60), draw_text(60)) for _ in range(20)] + [(draw_text(9), draw_text(9)) for _ in range(20)]
EDGES = [("the gene", ""), ("", "the gene"), ("", ""), ("the gene", "the gene")]
SINGLE = ["", "the gene", *(" ".join(pair) for pair in PAIRS[:12])]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "bert", settings={"do_lower_case": True})


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, bool], Path]:
    """Artifacts by precision, pooling and whether they take pairs."""
    folder = tmp_path_factory.mktemp("artifacts")
    kinds = [("fp32", "cls", True), ("fp32", "mean", True), ("int8", "mean", True), ("int8", "mean", False)]
    found = {}
    for precision, pooling, pairs in kinds:
        path = folder / f"{precision}-{pooling}-{pairs}"
        export(checkpoint, path, precision=precision, pooling=pooling, pairs=pairs, min_cosine=-1, min_neighbours=0)
        found[precision, pooling, pairs] = path
    return found


Exported = dict[tuple[str, str, bool], Path]


def transformers_vectors(checkpoint: Path, texts: Sequence[Text], pooling: str) -> FloatArray:
    """What transformers makes of each of `texts` alone, (texts, dim)."""
    model = BertModel.from_pretrained(checkpoint).eval()
    tokenizer = BertTokenizerFast(str(checkpoint / "vocab.txt"), do_lower_case=True)
    rows = []
    for text in texts:
        inputs = tokenizer([text], return_tensors="pt", truncation="longest_first", max_length=MAX_LENGTH)
        with torch.inference_mode():
            hidden = model(**inputs).last_hidden_state[0]
        rows.append((hidden[0] if pooling == "cls" else hidden.mean(dim=0)).numpy())
    return np.array(rows, dtype=np.float32)


def encoder_of(path: Path, **options: object) -> SentenceEncoder:
    return SentenceEncoder(path, max_length=MAX_LENGTH, threads=2, **options)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_float32_vectors_of_pairs_are_those_of_transformers(exported: Exported, checkpoint: Path, pooling: str) -> None:
    texts: list[Text] = [*PAIRS, *EDGES, *SINGLE]
    found = encoder_of(exported["fp32", pooling, True]).encode(texts)
    assert relative_difference(found, transformers_vectors(checkpoint, texts, pooling)) <= 1e-5


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")
@each_engine
def test_int8_vectors_of_pairs_are_close_to_float32(exported: Exported, engine: str) -> None:
    float32 = encoder_of(exported["fp32", "mean", True])
    found = encoder_of(exported["int8", "mean", True], engine=engine).encode(PAIRS)
    expected, joined = float32.encode(PAIRS), float32.encode([" ".join(pair) for pair in PAIRS])
    assert cosines(found, expected).min() > 0.99
    assert cosines(joined, expected).mean() < 0.9, "segments decide"


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")
@each_engine
def test_single_texts_have_the_bits_that_they_have_without_pairs(exported: Exported, engine: str) -> None:
    with_pairs = encoder_of(exported["int8", "mean", True], engine=engine)
    expected = encoder_of(exported["int8", "mean", False], engine=engine).encode(SINGLE)
    assert np.array_equal(with_pairs.encode(SINGLE), expected)
    among_pairs = with_pairs.encode([*PAIRS, *SINGLE])[len(PAIRS) :]
    assert np.array_equal(among_pairs, expected)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_the_float32_graph_gives_single_texts_the_bits_that_they_have_without_pairs(
    checkpoint: Path, tmp_path: Path, pooling: str
) -> None:
    source = Checkpoint.read(str(checkpoint))
    ids = RANDOM.integers(12, source.geometry.vocab_size, (5, 17))
    vectors = []
    for pairs in (False, True):
        folder = tmp_path / str(pairs)
        folder.mkdir()
        write_graphs(source, float_plan(source), folder, pooling=pooling, pairs=pairs)
        session = open_session(folder / ENCODER_GRAPH)
        vectors.append(session.run(["embeddings"], encoder_inputs(session, ids))[0])
    assert np.array_equal(*vectors)


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")
@each_engine
def test_a_pair_has_the_same_bits_in_any_company(exported: Exported, engine: str) -> None:
    encoder = encoder_of(exported["int8", "mean", True], engine=engine)
    together = encoder.encode([*PAIRS, *SINGLE])[: len(PAIRS)]
    alone = [encoder.encode([pair])[0] for pair in PAIRS]
    assert np.array_equal(together, np.array(alone))


def test_only_the_encoder_graph_and_the_plan_differ_by_pairs(exported: Exported) -> None:
    without, paired = exported["int8", "mean", False], exported["int8", "mean", True]
    same = (MODEL_GRAPH, WEIGHTS, TOKENIZER)
    for name in (*same, ENCODER_GRAPH, PLAN):
        assert ((without / name).read_bytes() == (paired / name).read_bytes()) == (name in same), name
    plans = [json.loads((folder / PLAN).read_bytes()) for folder in (without, paired)]
    assert [plan["pairs"] for plan in plans] == [False, True]


def test_the_manifest_and_its_rules_tell_of_pairs(exported: Exported) -> None:
    paired, without = (Manifest.read(exported["int8", "mean", pairs]) for pairs in (True, False))
    assert (paired.pairs, without.pairs) == (True, False)
    assert {"about": "pairs", "decision": "yes", "reason": "by pairs=True"} in paired.rules
    assert not [rule for rule in without.rules if rule["about"] == "pairs"]


@each_engine
@pytest.mark.parametrize("pairs", [False, True])
def test_a_manifest_that_contradicts_the_graphs_on_pairs_is_refused(
    exported: Exported, tmp_path: Path, engine: str, pairs: bool
) -> None:
    folder = copied(exported["int8", "mean", pairs], tmp_path / "copy")
    replace(Manifest.read(folder), pairs=not pairs).write(folder)
    with pytest.raises(ArtifactError, match="as the manifest says"):
        SentenceEncoder(folder, engine=engine)


def test_a_checkpoint_with_one_token_type_is_refused_by_name(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "one-type", settings={"do_lower_case": True}, type_vocab_size=1)
    with pytest.raises(CheckpointError) as error:
        export(tmp_path / "one-type", tmp_path / "artifact", pairs=True)
    assert str(error.value) == (
        "'one-type' has type_vocab_size 1 in its config, expected at least 2 for pairs: leave pairs= out, and encode "
        "single texts"
    )
    assert not (tmp_path / "artifact").exists()


def test_a_tokenizer_that_does_not_tell_the_texts_of_a_pair_apart_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "roberta").mkdir()
    source = Checkpoint.read(str(write_family(tmp_path / "roberta", "roberta", type_vocab_size=2)))
    with pytest.raises(CheckpointError) as error:
        with_pairs_rule(source, pairs=True)
    assert str(error.value) == (
        "'roberta' has a RoBERTa tokenizer, which gives both texts of a pair token type 0: leave pairs= out, and "
        "encode single texts"
    )


def test_the_article_encoder_is_told_that_pairs_were_not_asked_for(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "MedCPT-Article-Encoder", settings={"do_lower_case": True}, hidden_size=768)
    source = Checkpoint.read(str(folder))
    rule = with_pairs_rule(source, pairs=False).rules[-1]
    assert str(rule) == (
        "pairs: no (by default; it was trained with title and abstract, as two segments: pairs=True exports it for "
        "these)"
    )
    assert str(with_pairs_rule(source, pairs=True).rules[-1]) == "pairs: yes (by pairs=True)"


def test_a_graph_that_mixes_token_types_up_is_found(checkpoint: Path, tmp_path: Path) -> None:
    source = Checkpoint.read(str(checkpoint))
    samples = source.vocabulary.tokenizer().encode_batch(SINGLE)
    ids = [each.ids[:30] for each in samples]
    reference = Reference(source, tmp_path, pooling="mean", samples=ids[:2])
    write_graphs(source, float_plan(source), tmp_path, pooling="mean", pairs=True)
    check_pairs(tmp_path, reference, ids, max_length=60, tolerance=1e-5)
    types = source.tensors["embeddings.token_type_embeddings.weight"]
    types[:] = types[::-1].copy()
    (tmp_path / "swapped").mkdir()
    write_graphs(source, float_plan(source), tmp_path / "swapped", pooling="mean", pairs=True)
    with pytest.raises(FidelityError, match=r"differs from the reference by .* on a pair"):
        check_pairs(tmp_path / "swapped", reference, ids, max_length=60, tolerance=1e-5)
