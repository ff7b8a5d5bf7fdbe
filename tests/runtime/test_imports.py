"""What importing the runtime costs, and what it says it has."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import biobert_onnx

HEAVY = {
    "torch",
    "transformers",
    "optimum",
    "onnx",
    "huggingface_hub",
    "nupunkt",
    "pandas",
    "pyarrow",
    "pyspark",
    "csv",
    "asyncio",
    "biobert_onnx_export",
    "scipy",
    "tqdm",
    "haystack",
    "langchain_core",
    "llama_index",
    "sklearn",
}

EXTRAS = {"spark": ("spark", "pyspark"), "http": ("http", "starlette")}
"""Modules that are imported with an extra only, and a package of it."""


def test_the_runtime_imports_numpy_and_tokenizers_and_leaves_onnxruntime_to_its_engine() -> None:
    code = "import sys, biobert_onnx.cli.main; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    third_party = {name for name in loaded - sys.stdlib_module_names if not name.startswith(("_", "biobert_onnx"))}
    assert not loaded & HEAVY
    assert {"numpy", "tokenizers"} <= third_party
    assert "onnxruntime" not in third_party


def test_encoding_imports_nothing_more(artifact: object) -> None:
    code = f"import sys; from biobert_onnx import SentenceEncoder as E; E({str(artifact)!r}).encode(['x', 'y z'])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {name.partition(".")[0] for name in done.stdout.split()} & HEAVY
    assert "biobert_onnx.artifact.hub" not in done.stdout.split()


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(biobert_onnx.__path__)])
def test_every_module_imports_alone(module: str) -> None:
    extra, package = EXTRAS.get(module, ("", "sys"))
    pytest.importorskip(package, reason=f"the extra {extra!r} is not installed")
    if module != "__main__":
        importlib.import_module(f"biobert_onnx.{module}")


def test_all_names_the_public_names() -> None:
    public = {name for name in vars(biobert_onnx) if not name.startswith("_")}
    modules = {module.name for module in pkgutil.iter_modules(biobert_onnx.__path__)}
    assert set(biobert_onnx.__all__) - {"__version__"} == public - modules


@pytest.mark.parametrize(
    ("extra", "package", "use"),
    [
        ("sentences", "nupunkt", "from biobert_onnx.sentences import split; split('x')"),
        ("pandas", "pandas", "from biobert_onnx import nlu; nlu.load('x')"),
        ("spark", "pyspark", "import biobert_onnx.spark"),
        ("http", "starlette", "import biobert_onnx.serving.http"),
        ("haystack", "haystack", "import biobert_onnx.integrations.haystack"),
        ("langchain", "langchain_core", "import biobert_onnx.integrations.langchain"),
        ("llama-index", "llama_index", "import biobert_onnx.integrations.llama_index"),
        ("scikit-learn", "sklearn", "import biobert_onnx.integrations.scikit_learn"),
    ],
)
def test_a_missing_extra_is_named(extra: str, package: str, use: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; {use}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"({package} is missing): pip install '.[{extra}]' in the checkout" in done.stderr


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system has no /proc")
def test_importing_the_runtime_leaves_no_variable_and_no_thread_behind() -> None:
    code = (
        "import os, numpy; before = dict(os.environ), len(os.listdir('/proc/self/task'));"
        "import biobert_onnx; print(before == (dict(os.environ), len(os.listdir('/proc/self/task'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n"
