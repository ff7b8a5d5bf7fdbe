"""TensorFlow checkpoints as dmis-lab published them give what the same weights give as PyTorch's, or are refused."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import Manifest
from biobert_onnx.artifact.manifest import FileRecord
from biobert_onnx_export import CheckpointError, export
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from tests.support.checkpoints import DIM
from tests.support.tensorflow_checkpoints import V1_0, V1_1, Variables, pack, write_tensorflow

pytestmark = pytest.mark.usefixtures("tensorflow")

KERNEL = "bert/encoder/layer_0/attention/self/query/kernel"


@pytest.fixture(scope="module")
def folder(tensorflow: Path, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint as BioBERT v1.1 is laid out."""
    return write_tensorflow(tiny_checkpoint, tmp_path_factory.mktemp("tensorflow") / "biobert_v1.1_tiny")


def assert_same_tensors(found: Checkpoint, expected: Checkpoint) -> None:
    assert list(found.tensors) == list(expected.tensors)
    for name, tensor in expected.tensors.items():
        assert found.tensors[name].tobytes() == tensor.tobytes(), name
        assert found.tensors[name].strides == tensor.strides, name


@pytest.mark.parametrize(
    ("prefix", "slots", "shards"),
    [
        (V1_1, ("adam_m", "adam_v"), 1),
        (V1_0, ("adam_m", "adam_v"), 1),
        (V1_0, ("BERTAdam", "BERTAdam_1"), 1),
        (V1_1, (), 3),
    ],
)
def test_every_layout_gives_the_bits_of_pytorch(
    tiny_checkpoint: Path, tmp_path: Path, prefix: str, slots: tuple[str, ...], shards: int
) -> None:
    folder = write_tensorflow(tiny_checkpoint, tmp_path / "tf", prefix=prefix, slots=slots, shards=shards)
    found, expected = Checkpoint.read(str(folder)), Checkpoint.read(str(tiny_checkpoint))
    assert_same_tensors(found, expected)
    assert (found.geometry, found.vocabulary) == (expected.geometry, expected.vocabulary)
    assert found.weights_name == prefix


def test_an_archive_gives_the_artifact_of_the_same_pytorch_weights(
    folder: Path, artifact: Path, tmp_path: Path
) -> None:
    archive = pack(folder, tmp_path / "biobert_v1.1_tiny.tar.gz")
    manifest = export(archive, tmp_path / "artifact")
    for name in ("encoder.onnx", "model.onnx", "model.onnx_data", "tokenizer.json", "config.json"):
        assert (tmp_path / "artifact" / name).read_bytes() == (artifact / name).read_bytes(), name
    assert manifest.quantization == Manifest.read(artifact).quantization
    identity = manifest.checkpoint
    assert (identity["source"], identity["weights"]) == ("biobert_v1.1_tiny", V1_1)
    assert identity["sha256"] == FileRecord.of(folder / f"{V1_1}.data-00000-of-00001").sha256


def test_a_checkpoint_without_pooler_loads(tiny_checkpoint: Path, tmp_path: Path) -> None:
    def without_pooler(variables: Variables) -> Variables:
        return {name: array for name, array in variables.items() if not name.startswith("bert/pooler")}

    checkpoint = Checkpoint.read(str(write_tensorflow(tiny_checkpoint, tmp_path / "tf", change=without_pooler)))
    with pytest.raises(CheckpointError, match="no pooler weights"):
        checkpoint.pooling("pooler")


def without_query(variables: Variables) -> Variables:
    return {name: array for name, array in variables.items() if name != KERNEL}


def with_adapter(variables: Variables) -> Variables:
    return variables | {"bert/encoder/layer_0/adapter/kernel": np.ones((2, 2), np.float32)}


def with_a_narrow_kernel(variables: Variables) -> Variables:
    return variables | {KERNEL: variables[KERNEL][:, :5]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_query, r"lacks encoder\.layer\.0\.attention\.self\.query\.weight"),
        (with_adapter, r"holds unexpected encoder\.layer\.0\.adapter\.weight"),
        (with_a_narrow_kernel, rf"query\.weight \(5, {DIM}\), expected \({DIM}, {DIM}\)"),
    ],
)
def test_variables_that_are_not_exactly_berts_are_refused(
    tiny_checkpoint: Path, tmp_path: Path, change: Callable[[Variables], Variables], message: str
) -> None:
    folder = write_tensorflow(tiny_checkpoint, tmp_path / "tf", change=change)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.read(str(folder))


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint of two shards to damage."""
    return write_tensorflow(tiny_checkpoint, tmp_path / "tf", slots=(), shards=2)


def test_a_missing_shard_is_named(copy: Path) -> None:
    (copy / f"{V1_1}.data-00000-of-00002").unlink()
    with pytest.raises(CheckpointError, match=r"data-00000-of-00002' is missing"):
        Checkpoint.read(str(copy))


def test_an_index_without_data_is_refused(copy: Path) -> None:
    for shard in copy.glob("*.data-*"):
        shard.unlink()
    with pytest.raises(CheckpointError, match=r"data-00000-of-00001' is missing"):
        Checkpoint.read(str(copy))


def test_data_without_an_index_is_no_checkpoint(copy: Path) -> None:
    (copy / f"{V1_1}.index").unlink()
    with pytest.raises(CheckpointError, match=r"holds neither model\.safetensors nor .* nor \*\.ckpt\*\.index"):
        Checkpoint.read(str(copy))


def test_two_checkpoints_in_one_folder_are_refused(copy: Path) -> None:
    (copy / "model.ckpt-2.index").write_bytes((copy / f"{V1_1}.index").read_bytes())
    with pytest.raises(CheckpointError, match=r"holds 2 checkpoints, model\.ckpt-1000000\.index, model\.ckpt-2\.index"):
        Checkpoint.read(str(copy))


@pytest.mark.parametrize("name", ["index", "data-00001-of-00002"])
def test_truncated_files_are_refused(copy: Path, name: str) -> None:
    path = copy / f"{V1_1}.{name}"
    content = path.read_bytes()
    cut = 200  # bytes: the last hundred of the data are of heads, which nobody reads
    for size in (0, len(content) // 2, len(content) - cut):
        path.write_bytes(content[:size])
        with pytest.raises(CheckpointError, match=r"index' cannot be read"):
            Checkpoint.read(str(copy))


def test_one_flipped_bit_of_the_data_is_found_by_its_checksum(copy: Path) -> None:
    path = copy / f"{V1_1}.data-00000-of-00002"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"index' cannot be read .*Checksum"):
        Checkpoint.read(str(copy))


READ = """
import sys
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
sys.path.append(sys.argv[2])
try:
    Checkpoint.read(sys.argv[1])
except ModuleNotFoundError as error:
    print(error)
"""


def test_tensorflow_is_read_without_a_word_on_stderr(tensorflow: Path, folder: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", READ, str(folder), str(tensorflow)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_the_extra_the_error_says_what_to_install(folder: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "tensorflow.py"
    blocked.write_text("raise ModuleNotFoundError(name='tensorflow')")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder), str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "tensorflow is missing): pip install '.[export,tensorflow]'" in done.stdout
