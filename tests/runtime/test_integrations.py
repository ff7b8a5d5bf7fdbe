"""What the adapters say where their frameworks are not installed."""

import subprocess
import sys

import pytest

PACKAGES = {
    "haystack": "haystack",
    "langchain": "langchain_core",
    "llama-index": "llama_index",
    "scikit-learn": "sklearn",
}

WITHOUT = """
import sys

class Missing:
    def find_spec(name, path=None, target=None):
        if name == {package!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, Missing)
import biobert_onnx.integrations.{module}
"""


@pytest.mark.parametrize("extra", PACKAGES)
def test_an_adapter_without_its_framework_names_the_extra(extra: str) -> None:
    code = WITHOUT.format(package=PACKAGES[extra], module=extra.replace("-", "_"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    complaint = done.stderr.splitlines()[-1]
    assert complaint.startswith("ModuleNotFoundError: ")
    assert complaint.endswith(
        f" the extra '{extra}' ({PACKAGES[extra]} is missing): pip install 'biobert-onnx[{extra}]'"
    )
