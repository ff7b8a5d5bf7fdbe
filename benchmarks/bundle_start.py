"""The serverless zip of an artifact: bytes by item, and its cold starts beside the bare runtime's.

    python -m benchmarks.bundle_start ARTIFACT [--starts N] [--output FOLDER]

Writes benchmarks/results/serving/bundle.json. A cold start is a new process from its start to its end, with one text
encoded; files are in the page cache. Bare: SentenceEncoder, from the installed packages. Bundle: the handler on one
event, from the unzipped folder and the standard library; also without bytecode, as in a zip made by another Python.
None may write bytecode. They take turns in random order.
"""

import argparse
import json
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

import biobert_onnx
from benchmarks.machine.environment import environment
from benchmarks.serving import RESULTS
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.serving.bundle import bundle

TEXT = "Antibiotics aren't painkiller"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

BARE = """
import sys
sys.path += sys.argv[2:]
from biobert_onnx import SentenceEncoder
assert SentenceEncoder(sys.argv[1]).encode([{text!r}]).shape[0] == 1
"""
BUNDLED = """
import sys
sys.path.append(sys.argv[1])
from lambda_function import lambda_handler
assert lambda_handler({{"texts": [{text!r}]}}, None)["statusCode"] == 200
"""


def seconds(code: str, *arguments: Path) -> float:
    """Seconds that a process of its own takes for `code`."""
    command = [sys.executable, "-I", "-S", "-B", "-c", code.format(text=TEXT), *map(str, arguments)]
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Bundle, start, write the record, say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--starts", type=int, default=11)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the record")
    options = parser.parse_args()
    packages = [Path(module.__path__[0]).parent for module in (biobert_onnx, np)]
    with tempfile.TemporaryDirectory() as work:
        zipped, compiled, plain = (Path(work) / name for name in ("function.zip", "compiled", "plain"))
        made = bundle(options.artifact, zipped, platform=f"manylinux_2_28_{platform.machine()}", python=PYTHON)
        with zipfile.ZipFile(zipped) as archive:
            archive.extractall(compiled)
        shutil.copytree(compiled, plain, ignore=shutil.ignore_patterns("__pycache__"))
        commands = {
            "bare": (BARE, options.artifact.absolute(), *packages),
            "bundle": (BUNDLED, compiled),
            "bundle without bytecode": (BUNDLED, plain),
        }
        samples: dict[str, list[float]] = {name: [] for name in commands}
        for start in range(options.starts + 1):
            for name in random.Random(start).sample(list(commands), len(commands)):
                samples[name].append(seconds(*commands[name]))
    medians = {name: statistics.median(found[1:]) for name, found in samples.items()}
    record = {
        "environment": environment(),
        "artifact": Manifest.read(options.artifact).name,
        "bytes": dict(made.items),
        "unzipped": made.unzipped,
        "zipped": made.zipped,
        "seconds": {name: found[1:] for name, found in samples.items()},
        "times_bare": {name: round(median / medians["bare"], 3) for name, median in medians.items()},
    }
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "bundle.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    told = {name: record[name] for name in ("artifact", "bytes", "unzipped", "zipped", "times_bare")}
    print(json.dumps({**told, "median_s": {name: round(median, 3) for name, median in medians.items()}}, indent=1))


if __name__ == "__main__":
    main()
