"""Print what an installed runtime is and computes here, as one line of JSON: platform_facts.py ARTIFACT.

It needs the runtime alone, and not even git. `engine` is the one that an encoder takes by itself. `engines` has for
each of them its kernel, the float32 vectors of `tests.support.texts` in their order, as hexadecimal and as a sha256, or
the reason why it does not run here: equal hashes are equal bits.
"""

import hashlib
import json
import platform
import sys
import warnings
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

import biobert_onnx  # noqa: E402
from biobert_onnx.encoding.engines import ENGINES  # noqa: E402
from biobert_onnx.errors import EngineError, EngineWarning  # noqa: E402
from tests.support.texts import TEXTS  # noqa: E402

PACKAGES = ("numpy", "onnxruntime", "tokenizers", "pandas", "pyarrow", "nupunkt", "pyspark", "starlette", "uvicorn")


def main(artifact: Path) -> None:
    """Print the facts."""
    warnings.simplefilter("ignore", EngineWarning)  # onnxruntime stands in for the kernels on some CPUs
    with biobert_onnx.SentenceEncoder(artifact) as encoder:
        engine = encoder.engine
    facts = {
        "package": str(Path(biobert_onnx.__file__).parent),
        "system": " ".join([f"{platform.system()},", *platform.libc_ver()]),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {item.name: item.version for item in distributions() if item.name in PACKAGES},
        "engine": engine,
        "engines": {name: answer(artifact, name) for name in ENGINES},
    }
    print(json.dumps(facts))


def answer(artifact: Path, engine: str) -> dict[str, Any]:
    """Return what one engine gives."""
    try:
        with biobert_onnx.SentenceEncoder(artifact, engine=engine, threads=2) as encoder:
            vectors = encoder.encode(TEXTS).astype("<f4").tobytes()
            return {"kernel": encoder.kernel, "vectors": vectors.hex(), "sha256": hashlib.sha256(vectors).hexdigest()}
    except EngineError as error:
        return {"reason": error.reason}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
