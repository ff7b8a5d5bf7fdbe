"""Measure the serverless zips of an artifact, their sizes and cold starts, and write results/serving/bundle.json.

A cold start is a new process that encodes one text, from its start to its end; files are in the page cache. "tokenizer"
only imports numpy and tokenizers and loads the tokenizer. "bare" is SentenceEncoder from the installed packages.
"bundle" is the handler on one event, from the unzipped folder and the standard library; "bundle, kernels" and "bundle,
onnxruntime" are the zips for one engine. "without bytecode" are the zips that another Python would make. No process may
write bytecode. They take turns in random order.
"""

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
from benchmarks.harness.program import program_parser, run_program
from benchmarks.machine.environment import environment
from benchmarks.machine.installed import compile_checkout
from benchmarks.results import RESULTS, write_record
from biobert_onnx import Manifest
from biobert_onnx.artifact.paths import TOKENIZER
from biobert_onnx.encoding.engines import ENGINES
from biobert_onnx.serving.bundle import Bundle, bundle

TEXT = "Antibiotics aren't painkiller"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PLATFORM = f"manylinux_2_28_{platform.machine()}"

ZIPS = {"bundle": None, **{f"bundle, {engine}": engine for engine in ENGINES}}
"""The zips, and the engine that each is made for."""

TOKENIZER_PROGRAM = """
import sys
sys.path += sys.argv[2:]
import numpy
from tokenizers import Tokenizer
assert Tokenizer.from_file(sys.argv[1]).encode({text!r}).ids
"""
BARE_PROGRAM = """
import sys
sys.path += sys.argv[2:]
from biobert_onnx import SentenceEncoder
assert SentenceEncoder(sys.argv[1]).encode([{text!r}]).shape[0] == 1
"""
BUNDLE_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from lambda_function import lambda_handler
assert lambda_handler({{"texts": [{text!r}]}}, None)["statusCode"] == 200
"""


def seconds(code: str, *arguments: Path) -> float:
    """Return the seconds that a new process takes to run the program `code`."""
    command = [sys.executable, "-I", "-S", "-B", "-c", code.format(text=TEXT), *map(str, arguments)]
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begin


def unzipped(zipped: Path, folder: Path) -> Path:
    """Unzip a zip into `folder`, and return it."""
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder)
    return folder


def main() -> None:
    """Make the zips, start the processes, write the record, print the figures."""
    parser = program_parser(__doc__)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT", help="an artifact's folder")
    parser.add_argument("--starts", type=int, default=11, help="starts of each kind (default: %(default)s)")
    parser.add_argument(
        "--output", type=Path, default=RESULTS / "serving", metavar="FOLDER", help="default: %(default)s"
    )
    options = parser.parse_args()
    artifact = options.artifact.absolute()
    compile_checkout()
    packages = [Path(module.__path__[0]).parent for module in (biobert_onnx, np)]
    with tempfile.TemporaryDirectory() as work:
        made: dict[str, Bundle] = {}
        commands: dict[str, tuple[str, *tuple[Path, ...]]] = {
            "tokenizer": (TOKENIZER_PROGRAM, artifact / TOKENIZER, *packages),
            "bare": (BARE_PROGRAM, artifact, *packages),
        }
        for name, engine in ZIPS.items():
            zipped, plain = Path(work) / f"{name}.zip", Path(work) / f"{name}, plain"
            made[name] = bundle(artifact, zipped, platform=PLATFORM, python=PYTHON, engine=engine)
            compiled = unzipped(zipped, Path(work) / name)
            shutil.copytree(compiled, plain, ignore=shutil.ignore_patterns("__pycache__"))
            commands[name] = (BUNDLE_PROGRAM, compiled)
            commands[f"{name}, without bytecode"] = (BUNDLE_PROGRAM, plain)
        samples: dict[str, list[float]] = {name: [] for name in commands}
        for start in range(options.starts + 1):
            for name in random.Random(start).sample(list(commands), len(commands)):
                samples[name].append(seconds(*commands[name]))
    medians = {name: statistics.median(found[1:]) for name, found in samples.items()}
    record = {
        "environment": environment(),
        "artifact": Manifest.read(artifact).name,
        "bytes": {name: dict(zipped.items) for name, zipped in made.items()},
        "unzipped": {name: zipped.unzipped for name, zipped in made.items()},
        "zipped": {name: zipped.zipped for name, zipped in made.items()},
        "seconds": {name: found[1:] for name, found in samples.items()},
        "times_bare": {name: round(median / medians["bare"], 3) for name, median in medians.items()},
        "times_tokenizer": {name: round(median / medians["tokenizer"], 3) for name, median in medians.items()},
    }
    write_record(options.output / "bundle.json", record)
    printed = {
        name: record[name] for name in ("artifact", "bytes", "unzipped", "zipped", "times_bare", "times_tokenizer")
    }
    print(json.dumps({**printed, "median_s": {name: round(median, 3) for name, median in medians.items()}}, indent=1))


if __name__ == "__main__":
    run_program(main)
