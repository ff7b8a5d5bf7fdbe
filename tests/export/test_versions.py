"""Two environments of other versions export one checkpoint to the same weights."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OTHER = os.environ.get("OTHER_PYTHON")

EXPORT = """
import sys
from pathlib import Path
from benchmarks.inputs.minilm import minilm_checkpoint
from biobert_onnx_export import export
work = Path(sys.argv[1])
print(export(minilm_checkpoint(work), work / "int8").checkpoint["reference"])
"""


@pytest.mark.skipif(OTHER is None, reason="make test-transformers5 names the Python of another environment")
def test_another_environment_exports_minilm_to_the_same_weights(tmp_path: Path) -> None:
    assert OTHER is not None
    makers, weights = [], []
    for number, python in enumerate((sys.executable, OTHER)):
        folder = tmp_path / str(number)
        folder.mkdir()
        command = [python, "-W", "ignore", "-c", EXPORT, str(folder)]
        makers.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        weights.append((folder / "int8" / "model.onnx_data").read_bytes())
    assert "torch" in makers[0] and "optimum" in makers[1]
    assert weights[0] == weights[1]
