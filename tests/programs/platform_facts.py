"""Print what an installed runtime is and computes here, as one line of JSON: platform_facts.py ARTIFACT.

It needs the runtime alone, and not even git. The sha256 is of the float32 vectors of `tests.support.texts`, in their
order, for each engine: equal hashes are equal bits.
"""

import hashlib
import json
import platform
import sys
from importlib.metadata import distributions
from pathlib import Path

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

import biobert_onnx  # noqa: E402
from benchmarks.machine.cpus import kernel_name  # noqa: E402
from biobert_onnx.encoding.engines import ENGINES  # noqa: E402
from tests.support.texts import TEXTS  # noqa: E402

PACKAGES = ("numpy", "onnxruntime", "tokenizers", "pandas", "pyarrow", "nupunkt", "pyspark", "starlette", "uvicorn")


def main(artifact: Path) -> None:
    """Print the facts. Raises EngineError where an engine does not run."""
    facts = {
        "package": str(Path(biobert_onnx.__file__).parent),
        "system": " ".join([f"{platform.system()},", *platform.libc_ver()]),
        "kernel": kernel_name(),
        "python": platform.python_version(),
        "versions": {item.name: item.version for item in distributions() if item.name in PACKAGES},
        "vectors_sha256": {engine: vectors_sha256(artifact, engine) for engine in ENGINES},
    }
    print(json.dumps(facts))


def vectors_sha256(artifact: Path, engine: str) -> str:
    """The hash of the bytes of all vectors."""
    with biobert_onnx.SentenceEncoder(artifact, engine=engine) as encoder:
        return hashlib.sha256(encoder.encode(TEXTS).tobytes()).hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
