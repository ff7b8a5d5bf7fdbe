"""What importing the runtime costs, and what it says it has."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import biobert_onnx

HEAVY = {
    "torch",
    "transformers",
    "optimum",
    "onnx",
    "huggingface_hub",
    "pandas",
    "pyarrow",
    "csv",
    "biobert_onnx_export",
    "scipy",
    "tqdm",
    "haystack",
    "langchain_core",
    "llama_index",
    "sklearn",
}


def test_the_runtime_imports_numpy_onnxruntime_and_tokenizers_only() -> None:
    code = "import sys, biobert_onnx.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    third_party = {name for name in loaded - sys.stdlib_module_names if not name.startswith(("_", "biobert_onnx"))}
    assert not loaded & HEAVY
    assert {"numpy", "onnxruntime", "tokenizers"} <= third_party


def test_encoding_imports_nothing_more(artifact: object) -> None:
    code = f"import sys; from biobert_onnx import SentenceEncoder as E; E({str(artifact)!r}).encode(['x', 'y z'])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {name.partition(".")[0] for name in done.stdout.split()} & HEAVY


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(biobert_onnx.__path__)])
def test_every_module_imports_alone(module: str) -> None:
    if module != "__main__":
        importlib.import_module(f"biobert_onnx.{module}")


def test_all_names_the_public_names() -> None:
    public = {name for name in vars(biobert_onnx) if not name.startswith("_")}
    modules = {module.name for module in pkgutil.iter_modules(biobert_onnx.__path__)}
    assert set(biobert_onnx.__all__) - {"__version__"} == public - modules
