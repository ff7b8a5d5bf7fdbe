"""CPUs without VNNI, where onnxruntime's products saturate in 16 bits: artifacts give the same vectors there and here.

qemu emulates such a CPU, Intel's Haswell of 2013 (AVX2, no AVX-512), for the whole Python process.
"""

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.inputs.minilm import minilm_checkpoint
from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import cosines
from biobert_onnx.kernels.engine import SWITCH
from biobert_onnx_export import export
from biobert_onnx_export.quantize import gptq, int8
from biobert_onnx_export.reference.texts import TextSets
from tests.support.engines import NO_KERNELS

QEMU = shutil.which("qemu-x86_64") if platform.machine() == "x86_64" else None

pytestmark = [
    pytest.mark.skipif(QEMU is None, reason="no qemu-x86_64 on an x86-64 machine: apt-get install qemu-user"),
    pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning"),  # some texts are longer than the tiny model
]


TEXTS = TextSets.read(None).held_out["gated"][::8]

ENCODE = """
import json, sys
import numpy as np
from numpy._core._multiarray_umath import __cpu_features__ as features
from biobert_onnx import SentenceEncoder
texts = json.load(sys.stdin)
for folder, output in zip(sys.argv[1::2], sys.argv[2::2]):
    np.save(output, SentenceEncoder(folder, threads=2, engine="onnxruntime").encode(texts))
print(json.dumps([name for name, had in features.items() if had]))
"""


def unbounded_scales(weight: FloatArray) -> FloatArray:
    """The scales of int8 weights as they are usually made: up to 127, whatever the neighbours in a pair are."""
    scale: FloatArray = (np.abs(weight).max(axis=0) / 127).astype(np.float32)
    scale[scale == 0] = 1
    return scale


@pytest.fixture(scope="module")
def folders(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny artifact, and MiniLM (trained weights) as exported and with unbounded weights."""
    work = tmp_path_factory.mktemp("emulation")
    checkpoint = minilm_checkpoint(work)
    export(checkpoint, work / "minilm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "column_scales", unbounded_scales)
        patch.setattr(gptq, "PAIR_BOUND", 2 * gptq.LARGEST_INTEGER)
        patch.setenv(SWITCH, NO_KERNELS[SWITCH])  # the kernels refuse such weights
        export(checkpoint, work / "unbounded", min_cosine=0.9)
    export(checkpoint, work / "float32", precision="fp32")
    return {"tiny": artifact, **{name: work / name for name in ("minilm", "unbounded", "float32")}}


@pytest.fixture(scope="module")
def emulated(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, FloatArray]:
    """The vectors of TEXTS on the emulated CPU, by artifact."""
    work = tmp_path_factory.mktemp("vectors")
    names = ("tiny", "minilm", "unbounded")
    paths = [str(path) for name in names for path in (folders[name], work / f"{name}.npy")]
    command = [str(QEMU), "-cpu", "Haswell", sys.executable, "-c", ENCODE, *paths]
    done = subprocess.run(command, input=json.dumps(TEXTS), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    features = json.loads(done.stdout)
    assert "AVX2" in features and not [name for name in features if name.startswith("AVX512")]
    return {name: np.load(work / f"{name}.npy") for name in names}


@pytest.mark.parametrize("name", ["tiny", "minilm"])
def test_int8_vectors_agree_with_those_of_a_cpu_without_vnni(
    folders: dict[str, Path],
    emulated: dict[str, FloatArray],
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    here = SentenceEncoder(folders[name], engine="onnxruntime").encode(TEXTS)
    record_property("share_of_bit_identical_rows", float((here == emulated[name]).all(axis=1).mean()))
    assert cosines(emulated[name], here).min() >= 0.999


def test_weights_not_bounded_in_pairs_lose_more_there(
    folders: dict[str, Path], emulated: dict[str, FloatArray]
) -> None:
    exact = SentenceEncoder(folders["float32"], engine="onnxruntime").encode(TEXTS)
    lost = {name: 1 - cosines(emulated[name], exact).mean() for name in ("minilm", "unbounded")}
    assert lost["unbounded"] > 2 * lost["minilm"]
