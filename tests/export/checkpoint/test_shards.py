"""Weights in shards: as transformers writes them, complete, each tensor where the index says, or refused."""

import hashlib
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from transformers import BertModel

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.config import EncoderGeometry
from biobert_onnx_export.checkpoint.weights import Weights
from tests.support.checkpoints import DIM, edit_json


def sharded(checkpoint: Path, folder: Path, *, safe: bool = True) -> Path:
    """The index in `folder` of the weights of `checkpoint`, which transformers saved in shards.

    Unless `safe`, they are made pickles of the names that transformers 4 gives them; transformers 5 writes none.
    """
    BertModel.from_pretrained(checkpoint).save_pretrained(folder, max_shard_size="300KB")
    index = folder / "model.safetensors.index.json"
    if safe:
        return index
    for shard in folder.glob("*.safetensors"):
        torch.save(safetensors.torch.load_file(shard), folder / _pickle_name(shard.name))
        shard.unlink()
    content = json.loads(index.read_text())
    content["weight_map"] = {name: _pickle_name(shard) for name, shard in content["weight_map"].items()}
    index.unlink()
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps(content))
    return index


def _pickle_name(shard: str) -> str:
    return f"pytorch_{shard}".replace(".safetensors", ".bin")


@pytest.fixture(scope="module")
def geometry(tiny_checkpoint: Path) -> EncoderGeometry:
    return EncoderGeometry.read(tiny_checkpoint)


@pytest.fixture
def index(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """An index of shards of safetensors."""
    return sharded(tiny_checkpoint, tmp_path)


@pytest.mark.parametrize("safe", [True, False])
def test_shards_give_the_tensors_of_one_file(
    tiny_checkpoint: Path, geometry: EncoderGeometry, tmp_path: Path, safe: bool
) -> None:
    index = sharded(tiny_checkpoint, tmp_path, safe=safe)
    found, expected = Weights.read(tmp_path, geometry), Weights.read(tiny_checkpoint, geometry)
    assert len(set(json.loads(index.read_text())["weight_map"].values())) > 2
    assert found.name == index.name and found.rules == ()
    assert list(found.tensors) == list(expected.tensors)
    assert all(found.tensors[name].tobytes() == tensor.tobytes() for name, tensor in expected.tensors.items())


def test_a_checkpoint_in_shards_records_its_index(tiny_checkpoint: Path, index: Path) -> None:
    (index.parent / "vocab.txt").write_bytes((tiny_checkpoint / "vocab.txt").read_bytes())
    assert Checkpoint.read(str(index.parent)).identity()["weights"] == "model.safetensors.index.json"


def test_the_digest_is_that_of_the_shards_in_the_order_of_their_names(index: Path, geometry: EncoderGeometry) -> None:
    shards = sorted(index.parent.glob("*.safetensors"))
    expected = hashlib.sha256(b"".join(shard.read_bytes() for shard in shards)).hexdigest()
    assert Weights.read(index.parent, geometry).sha256 == expected
    weight_map = json.loads(index.read_text())["weight_map"]
    index.write_text(json.dumps({"weight_map": dict(reversed(weight_map.items()))}))
    assert Weights.read(index.parent, geometry).sha256 == expected


def test_shards_may_lie_below_the_index(index: Path, geometry: EncoderGeometry) -> None:
    weight_map = json.loads(index.read_text())["weight_map"]
    (index.parent / "shards").mkdir()
    for shard in set(weight_map.values()):
        (index.parent / shard).rename(index.parent / "shards" / shard)
    index.write_text(json.dumps({"weight_map": {name: f"./shards/{shard}" for name, shard in weight_map.items()}}))
    assert Weights.read(index.parent, geometry).tensors


def test_a_missing_shard_is_named(index: Path, geometry: EncoderGeometry) -> None:
    shard = sorted(index.parent.glob("*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(CheckpointError, match=rf"{shard}' is missing, and {index.name} names it: download"):
        Weights.read(index.parent, geometry)


def changed(shard: Path, *, drop: str | None = None, add: str | None = None) -> None:
    tensors = safetensors.torch.load_file(shard)
    kept = {name: tensor for name, tensor in tensors.items() if name != drop}
    safetensors.torch.save_file(kept | ({add: torch.zeros(3)} if add else {}), shard)


def test_a_tensor_that_its_shard_lacks_is_named(index: Path, geometry: EncoderGeometry) -> None:
    tensor, shard = next(iter(json.loads(index.read_text())["weight_map"].items()))
    changed(index.parent / shard, drop=tensor)
    with pytest.raises(CheckpointError, match=rf"{shard}' lacks {tensor}, which {index.name} places there: download"):
        Weights.read(index.parent, geometry)


@pytest.mark.parametrize("name", ["extra.weight", "pooler.dense.bias"])
def test_a_tensor_that_the_index_places_elsewhere_is_named(index: Path, geometry: EncoderGeometry, name: str) -> None:
    shard = next(iter(json.loads(index.read_text())["weight_map"].values()))
    changed(index.parent / shard, add=name)
    with pytest.raises(CheckpointError, match=rf"{shard}' holds {name}, which {index.name} does not place there"):
        Weights.read(index.parent, geometry)


def test_a_truncated_shard_is_named(index: Path, geometry: EncoderGeometry) -> None:
    shard = sorted(index.parent.glob("*.safetensors"))[0]
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(CheckpointError, match=rf"{shard}' cannot be read .*download it again"):
        Weights.read(index.parent, geometry)


@pytest.mark.parametrize(
    "shard", ["../model.safetensors", "/etc/passwd", "a/../../b.safetensors", "..\\b.bin", "\0", "C:b.bin", "NUL"]
)
def test_an_index_that_leads_out_of_its_folder_is_refused(index: Path, geometry: EncoderGeometry, shard: str) -> None:
    edit_json(index, weight_map={"embeddings.word_embeddings.weight": shard})
    with pytest.raises(CheckpointError, match="outside of its own folder: do not use this checkpoint"):
        Weights.read(index.parent, geometry)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "holds a list, expected a JSON object"),
        ("{}", "has weight_map None, expected an object"),
        ('{"weight_map": null}', "has weight_map None, expected an object"),
        ('{"weight_map": {}}', "has weight_map {}, expected an object"),
        ('{"weight_map": ["a"]}', "has weight_map of type list, expected an object"),
        ('{"weight_map": {"a": 1}}', "has weight_map 'a': 1, expected the name of a file"),
        ('{"weight_map": {"a": null}}', "has weight_map 'a': None, expected the name of a file"),
        ('{"weight_map": {"a": ""}}', "has weight_map 'a': '', expected the name of a file"),
        ('{"weight_map": {"a": "nowhere.safetensors"}}', r"nowhere\.safetensors' is missing"),
    ],
)
def test_a_damaged_index_is_one_error(index: Path, geometry: EncoderGeometry, content: str, message: str) -> None:
    index.write_text(content)
    with pytest.raises(CheckpointError, match=message):
        Weights.read(index.parent, geometry)


def test_shards_of_another_model_contradict_the_file_beside_them(
    tiny_checkpoint: Path, index: Path, geometry: EncoderGeometry
) -> None:
    (index.parent / "model.safetensors").write_bytes((tiny_checkpoint / "model.safetensors").read_bytes())
    rules = [str(rule) for rule in Weights.read(index.parent, geometry).rules]
    assert rules == [f"weights: model.safetensors (preferred to {index.name}, which the folder holds too)"]
    name = "embeddings.LayerNorm.bias"
    shard = index.parent / json.loads(index.read_text())["weight_map"][name]
    safetensors.torch.save_file(safetensors.torch.load_file(shard) | {name: torch.zeros(64)}, shard)
    with pytest.raises(CheckpointError, match=rf"{index}' contradict each other: {name} is \({DIM},\) in the first"):
        Weights.read(index.parent, geometry)
