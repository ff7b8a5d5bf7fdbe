"""The interpreter of Spark's Python workers: a check that it has this package, where it runs on this machine."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from pyspark import SparkContext, SparkFiles


def check_worker_python() -> None:
    """Raise ModuleNotFoundError if Spark's workers would run a Python that cannot import this package.

    Only a local master is checked: executors elsewhere have interpreters of their own, and with Spark Connect the
    server has them.
    """
    context = SparkContext._active_spark_context
    if context is None or not (context.master or "").startswith("local"):
        return
    command = context.pythonExec  # the environment's PYSPARK_PYTHON when the context was made, else python3
    python = shutil.which(command)
    if python is None:
        raise ModuleNotFoundError(_message(f"{command!r}, which is not on the PATH"))
    if _is_this_interpreter(Path(python)):
        return
    try:
        _import_package(python, _shipped_code())
    except subprocess.CalledProcessError as error:
        raise ModuleNotFoundError(_message(f"{python}, which cannot import biobert_onnx")) from error


def _message(python: str) -> str:
    return (
        f"Spark's Python workers would run {python}: stop this session, and set "
        'os.environ["PYSPARK_PYTHON"] = sys.executable before you make the next'
    )


def _is_this_interpreter(python: Path) -> bool:
    """Whether `python` is the running interpreter, in the same environment.

    The folder tells environments apart: in each of them python and python3 are links to the same file.
    """
    own = Path(sys.executable)
    return python.samefile(own) and python.parent.samefile(own.parent)


def _shipped_code() -> tuple[str, ...]:
    """The files and folders that `SparkContext.addPyFile` gives to workers."""
    root = SparkFiles.getRootDirectory()
    return tuple(path for path in sys.path if Path(path).is_relative_to(root))


@cache
def _import_package(python: str, shipped: tuple[str, ...]) -> None:
    """Import this package in the interpreter `python`, once; raises CalledProcessError, each time, if it fails."""
    path = os.pathsep.join([*shipped, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    subprocess.run([python, "-c", "import biobert_onnx"], check=True, capture_output=True, env=environment)
