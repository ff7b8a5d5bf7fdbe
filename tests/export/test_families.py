"""Every family of encoders: held to transformers in float32, gated in int8, on both engines where both run it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from tokenizers import Tokenizer
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

from biobert_onnx import SentenceEncoder
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.summary import sentence
from biobert_onnx.errors import EngineError
from biobert_onnx_export import CheckpointError, export
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.relative_positions import relative_buckets
from tests.support.checkpoints import edit_json
from tests.support.families import hidden_states, write_family
from tests.support.few_texts import few_texts
from tests.support.folders import TEXTS, WORDS
from tests.support.tokenizers import HARD_TEXTS

LENGTHS = [" ".join(WORDS[start:] + WORDS[:start]) for start in range(0, 40, 5)] + [" ".join(WORDS) * 3]

WRITTEN_OUT = "gene <s> protein</s> of<pad>the cell <unk> [UNK] [CLS] and [SEP] [PAD]"

ALL_TEXTS = [*TEXTS, *(text for text in HARD_TEXTS if "<mask>" not in text), WRITTEN_OUT, *LENGTHS, *WORDS[:12]]
"""Short and long texts, some longer than 64 tokens, and <pad> written out; transformers 4 and 5 differ on <mask>."""

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "mpnet": ("mpnet", {}),
    "electra": ("electra", {}),
    "electra with a projection": ("electra", {"embedding_size": 64}),
    "distilbert": ("distilbert", {}),
    "roberta": ("roberta", {"type_vocab_size": 1}),
    "roberta with another padding": ("roberta", {"padding_id": 5}),
    "gelu_new": ("bert", {"hidden_act": "gelu_new"}),
    "relu": ("distilbert", {"hidden_act": "relu"}),
}

pytestmark = pytest.mark.filterwarnings("ignore::biobert_onnx.errors.TruncationWarning")

ON_KERNELS = [name for name in FAMILIES if name != "electra with a projection"]


@pytest.fixture(scope="module", autouse=True)
def short_exports() -> Iterator[None]:
    with few_texts():
        yield


@pytest.fixture(scope="module", params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def checkpoint(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model_type, sizes = FAMILIES[name]
    return write_family(tmp_path_factory.mktemp("family") / model_type, model_type, num_hidden_layers=2, **sizes)


@pytest.fixture(scope="module")
def fp32(checkpoint: Path) -> Path:
    export(checkpoint, checkpoint.parent / "fp32", precision="fp32", pooling="mean")
    return checkpoint.parent / "fp32"


@pytest.fixture(scope="module")
def int8(checkpoint: Path) -> Path:
    export(checkpoint, checkpoint.parent / "int8", pooling="mean")
    return checkpoint.parent / "int8"


def test_float32_vectors_are_those_of_transformers(checkpoint: Path, fp32: Path) -> None:
    encoder = SentenceEncoder(fp32)
    expected = np.array([states.mean(axis=0) for states in hidden_states(checkpoint, ALL_TEXTS, max_length=64)])
    assert encoder.max_length == 64
    assert np.abs(encoder.encode(ALL_TEXTS) - expected).max() <= 1e-5 * np.abs(expected).max()


def test_the_artifact_tells_its_family_and_loads_in_transformers(checkpoint: Path, fp32: Path) -> None:
    manifest = Manifest.read(fp32)
    assert manifest.model_type == json.loads((checkpoint / "config.json").read_text())["model_type"]
    assert (f"{checkpoint.name}, {manifest.model_type}, fp32" in sentence(manifest)) == (manifest.model_type != "bert")
    ours, theirs = (transformers.AutoConfig.from_pretrained(folder) for folder in (fp32, checkpoint))
    assert type(ours) is type(theirs)
    for key in (*Checkpoint.read(str(checkpoint)).geometry.family.keys.values(), "pad_token_id"):
        assert getattr(ours, key) == getattr(theirs, key), key
    tokenizer = transformers.AutoTokenizer.from_pretrained(fp32)
    expected = Tokenizer.from_file(str(fp32 / "tokenizer.json")).encode_batch(ALL_TEXTS)
    assert tokenizer(ALL_TEXTS)["input_ids"] == [encoding.ids for encoding in expected]


def test_int8_keeps_float32s_vectors_and_each_texts_bits_on_every_engine(name: str, fp32: Path, int8: Path) -> None:
    expected = SentenceEncoder(fp32).encode(ALL_TEXTS)
    for engine in ("onnxruntime", *(("kernels",) if name in ON_KERNELS else ())):
        encoder = SentenceEncoder(int8, engine=engine, threads=2)
        vectors = encoder.encode(ALL_TEXTS)
        cosines = (vectors * expected).sum(axis=1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(expected, axis=1)
        assert cosines.min() >= 0.99, engine
        alone = SentenceEncoder(int8, engine=engine, threads=1)
        assert np.array_equal(np.concatenate([alone.encode([text]) for text in ALL_TEXTS]), vectors), engine
        assert np.array_equal(alone.encode(ALL_TEXTS[::-1])[::-1], vectors), engine


def test_each_text_has_the_same_bits_in_float32(fp32: Path) -> None:
    encoder = SentenceEncoder(fp32, threads=2)
    vectors, alone = encoder.encode(ALL_TEXTS), SentenceEncoder(fp32, threads=1)
    assert np.array_equal(np.concatenate([alone.encode([text]) for text in ALL_TEXTS]), vectors)


@pytest.mark.parametrize("pooling", ["cls", "pooler"])
@pytest.mark.parametrize("model_type", ["mpnet", "roberta"])
def test_poolings_of_the_first_token_read_its_relative_positions(model_type: str, pooling: str, tmp_path: Path) -> None:
    folder = write_family(tmp_path / model_type, model_type, num_hidden_layers=2)
    export(folder, tmp_path / "fp32", precision="fp32", pooling=pooling)
    first = np.array([states[0] for states in hidden_states(folder, ALL_TEXTS, max_length=64)])
    if pooling == "pooler":
        model = transformers.AutoModel.from_pretrained(folder)
        first = np.tanh(first @ model.pooler.dense.weight.detach().numpy().T + model.pooler.dense.bias.detach().numpy())
    vectors = SentenceEncoder(tmp_path / "fp32").encode(ALL_TEXTS)
    assert np.abs(vectors - first).max() <= 2e-5 * np.abs(first).max()


def test_distances_have_the_groups_of_transformers() -> None:
    import torch

    distances = np.arange(-2000, 2001)
    expected = MPNetEncoder.relative_position_bucket(torch.from_numpy(-distances)).numpy()
    assert np.array_equal(relative_buckets(distances), expected)


@pytest.mark.parametrize(
    ("model_type", "kind"),
    [
        ("mpnet", "MPNetForMaskedLM"),
        ("mpnet", "MPNetForSequenceClassification"),
        ("electra", "ElectraForPreTraining"),
        ("electra", "ElectraForTokenClassification"),
        ("distilbert", "DistilBertForMaskedLM"),
        ("distilbert", "DistilBertForQuestionAnswering"),
        ("roberta", "RobertaForMaskedLM"),
        ("roberta", "RobertaForSequenceClassification"),
    ],
)
def test_the_encoder_of_a_model_with_a_head_is_read(model_type: str, kind: str, tmp_path: Path) -> None:
    folder = write_family(tmp_path / "head", model_type, kind=kind, num_hidden_layers=1)
    plain = transformers.AutoModel.from_pretrained(folder)
    found = Checkpoint.read(str(folder))
    for name, parameter in plain.state_dict().items():
        own = found.geometry.family.berts_name(name)
        if own in found.tensors:
            assert np.array_equal(found.tensors[own], parameter.numpy()), name
    assert next(rule.decision for rule in found.rules if rule.about == "head").endswith("left out")
    missing = {found.geometry.family.berts_name(name) for name in plain.state_dict()} - found.tensors.keys()
    assert all(name.startswith(("pooler.", "embeddings.position_ids", "embeddings.token_type_ids")) for name in missing)


def test_a_projection_runs_on_onnxruntime_and_says_why(tmp_path: Path) -> None:
    folder = write_family(tmp_path / "electra", "electra", embedding_size=64, num_hidden_layers=1)
    export(folder, tmp_path / "int8", pooling="cls")
    assert SentenceEncoder(tmp_path / "int8").engine == "onnxruntime"
    with pytest.raises(EngineError, match="its word vectors have 64 channels, which a product makes 128"):
        SentenceEncoder(tmp_path / "int8", engine="kernels")


@pytest.mark.parametrize(
    ("model_type", "changes", "message"),
    [
        ("mpnet", {"relative_attention_num_buckets": 16}, "num_buckets 16, expected at least 32"),
        ("mpnet", {"max_position_embeddings": 2}, "max_position_embeddings 2, expected at least 5, as positions are"),
        ("mpnet", {"max_position_embeddings": 4}, "max_position_embeddings 4, expected at least 5, as positions are"),
        ("electra", {"max_position_embeddings": 2}, "max_position_embeddings 2, expected at least 3: the config"),
        ("roberta", {"pad_token_id": -1}, "pad_token_id -1, expected the id of a token"),
        ("roberta", {"pad_token_id": 600}, "max_position_embeddings 66, expected at least 604"),
        ("distilbert", {"dim": 7}, "dim 7, no multiple of its 4 attention heads"),
        ("distilbert", {"activation": "tanh"}, "activation 'tanh', expected one of gelu, gelu_new, relu"),
        ("electra", {"embedding_size": "big"}, "embedding_size 'big', expected a positive int"),
        ("electra", {"embedding_size": 64}, "lacks embeddings_project"),
        ("mpnet", {"model_type": "bert"}, "is of MPNet|holds unexpected|lacks"),
    ],
)
def test_a_config_that_does_not_fit_its_family_is_refused(
    model_type: str, changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    folder = write_family(tmp_path / "folder", model_type, num_hidden_layers=1)
    edit_json(folder / "config.json", **changes)
    with pytest.raises(CheckpointError, match=message):
        export(folder, tmp_path / "artifact", precision="fp32")
    assert not (tmp_path / "artifact").exists()
