"""tests/runtime on an installed package, by a Python of another environment, version or CPU; its tests are counted.

Beside it, the artifact that all of them take.
"""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.standin import write_standin
from biobert_onnx_export import export
from tests.support.checkpoints import TINY

PROJECT = Path(__file__).parents[2]

LEFT_OUT = (
    "artifact/test_hub.py",
    "encoding/test_tokenizer.py",
    "kernels",
    "serving/http/test_browser.py",
    "serving/test_bundle.py",
)
"""The slow parts of tests/runtime that depend least on the environment: they compile C, start a browser or pip, or
mostly run huggingface_hub or tokenizers."""

QUICK_TESTS = ("tests/runtime", *(f"--ignore=tests/runtime/{path}" for path in LEFT_OUT))
"""What pytest takes for tests/runtime without them."""


def tiny_artifact(work: Path) -> Path:
    """Export the tiny checkpoint of the tests into `work`/tiny, anew, with the Python that runs this; return it."""
    checkpoint, artifact = work / "tiny-checkpoint", work / "tiny"
    for folder in (checkpoint, artifact):
        shutil.rmtree(folder, ignore_errors=True)
    write_standin(checkpoint, TINY)
    export(checkpoint, artifact)
    return artifact


def counted_tests(
    python: Sequence[str], tests: Sequence[str], *, artifact: Path, report: Path, variables: Mapping[str, str]
) -> dict[str, int]:
    """Run `tests` on `artifact`, let pytest print, and return how many passed, were skipped and failed.

    `python`: the words that start it. `report`: the file that pytest's own counts are read from.
    Raises RuntimeError if pytest did not run them to the end.
    """
    report.unlink(missing_ok=True)
    options = ["-q", "-p", "no:cacheprovider", "--artifact", str(artifact), f"--junit-xml={report}"]
    done = subprocess.run([*python, "-m", "pytest", *options, *tests], cwd=PROJECT, env=variables)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest ended with {done.returncode}, expected 0 or 1: see above")
    counts = ElementTree.parse(report).getroot()[0].attrib
    failed, skipped = int(counts["failures"]) + int(counts["errors"]), int(counts["skipped"])
    return {"passed": int(counts["tests"]) - failed - skipped, "skipped": skipped, "failed": failed}
