"""Encoding where the system tells nothing of its CPUs: no /proc/cpuinfo, /sys/devices/system/cpu or control groups."""

import hashlib
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from biobert_onnx import SentenceEncoder
from tests.support.engines import needs_kernels
from tests.support.texts import TEXTS

SCRIPT = Path(__file__).parents[2] / "programs" / "no_cpu_files.sh"
HIDDEN = ("/usr/bin/env", "unshare", "--mount", "sh", str(SCRIPT))

CODE = """
import hashlib, json, os, sys
from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding.cpus import usable_cpus
artifact, engine, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with SentenceEncoder(artifact, engine=engine) as encoder:
    found = {"sha256": hashlib.sha256(encoder.encode(texts).tobytes()).hexdigest(), "kernel": encoder.kernel}
print(json.dumps(found | {"cpus": [usable_cpus(), len(os.sched_getaffinity(0))]}))
"""


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such files")


needs_survivor = pytest.mark.skipif(
    Version(version("onnxruntime")) < Version("1.26"), reason="onnxruntime before 1.26 ends the process there"
)


def run(artifact: Path, engine: str, kind: str) -> subprocess.CompletedProcess[str]:
    """Encode where the files are hidden; `kind`: what is at /proc."""
    tried = subprocess.run([*HIDDEN, kind, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"the files cannot be hidden here: {tried.stderr.strip()}")
    command = [*HIDDEN, kind, sys.executable, "-W", "error", "-c", CODE, str(artifact), engine, json.dumps(TEXTS)]
    return subprocess.run(command, capture_output=True, text=True)


def encode(artifact: Path, engine: str, kind: str) -> tuple[dict[str, Any], list[str]]:
    """What the encoder gives there, and the lines on stderr."""
    done = run(artifact, engine, kind)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr.splitlines()


def check(found: dict[str, Any], artifact: Path, engine: str) -> None:
    """The bits and the kernel are those that this process gets; the CPUs are those of the affinity mask."""
    with SentenceEncoder(artifact, engine=engine) as encoder:
        assert found["sha256"] == hashlib.sha256(encoder.encode(TEXTS).tobytes()).hexdigest()
        assert found["kernel"] == encoder.kernel
    usable, in_mask = found["cpus"]
    assert usable == in_mask >= 1


@needs_kernels
@pytest.mark.parametrize("kind", ["proc", "tmpfs"])
def test_the_kernels_choose_the_same_and_give_the_same_bits_without_a_word(artifact: Path, kind: str) -> None:
    found, lines = encode(artifact, "kernels", kind)
    check(found, artifact, "kernels")
    assert lines == []


@needs_survivor
def test_onnxruntime_gives_the_same_bits_and_says_of_its_own_that_it_knows_no_cpu(artifact: Path) -> None:
    found, lines = encode(artifact, "onnxruntime", "proc")
    check(found, artifact, "onnxruntime")
    assert all("cpuinfo" in line for line in lines), lines


@needs_survivor
def test_onnxruntime_opens_no_weights_without_proc_and_the_remedy_is_named(artifact: Path) -> None:
    done = run(artifact, "onnxruntime", "tmpfs")
    assert done.returncode == 1
    assert re.search(r"ArtifactError: onnxruntime cannot load '.*' \(.*\): mount /proc here$", done.stderr.strip())
