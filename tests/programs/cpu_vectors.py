"""cpu_vectors.py ARTIFACT: what this CPU gives, as one line of JSON, for tests/programs/arm.py.

`engine` is the one that an encoder takes by itself. `engines` has for each of them its kernel and the vectors of
`tests.support.texts` in hexadecimal, or the reason why it does not run here.
"""

import json
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding.engines import ENGINES
from biobert_onnx.errors import EngineError, EngineWarning
from tests.support.texts import TEXTS


def main(artifact: Path) -> None:
    """Print the facts."""
    warnings.simplefilter("ignore", EngineWarning)  # onnxruntime stands in for the kernels on some of these CPUs
    with SentenceEncoder(artifact) as encoder:
        engine = encoder.engine
    facts = {
        "system": ", ".join([platform.system(), " ".join(platform.libc_ver())]),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "onnxruntime", "tokenizers")},
        "engine": engine,
        "engines": {name: answer(artifact, name) for name in ENGINES},
    }
    print(json.dumps(facts))


def answer(artifact: Path, engine: str) -> dict[str, Any]:
    """Return what one engine gives."""
    try:
        with SentenceEncoder(artifact, engine=engine, threads=2) as encoder:
            return {"kernel": encoder.kernel, "vectors": encoder.encode(TEXTS).astype("<f4").tobytes().hex()}
    except EngineError as error:
        return {"reason": error.reason}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
