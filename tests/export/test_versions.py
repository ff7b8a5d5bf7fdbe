"""Two environments of other versions export one checkpoint to the same files."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from biobert_onnx_export.checkpoint.normalization import LOWERCASE, bert_state, sequence_state
from tests.support.folders import CASED, UNCASED, write_checkpoint, write_json, write_tokenizer_json
from tests.support.hub import contents
from tests.support.sentence_transformers import old_folder

OTHER = os.environ.get("OTHER_PYTHON")

pytestmark = pytest.mark.skipif(OTHER is None, reason="make test-transformers5 names the Python of another environment")

EXPORT_MINILM = """
import sys
from pathlib import Path
from benchmarks.inputs.minilm import minilm_checkpoint
from biobert_onnx_export import export
work = Path(sys.argv[1])
print(export(minilm_checkpoint(work), work / "int8").checkpoint["reference"])
"""

EXPORT = """
import sys
from pathlib import Path
from biobert_onnx_export import export
work, *folders = map(Path, sys.argv[1:])
work.mkdir()
for folder in folders:
    export(folder, work / folder.name, precision="fp32")
"""


def run(python: str, code: str, *arguments: Path) -> str:
    """What `code` prints on stdout; on stderr it prints nothing."""
    command = [python, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_another_environment_exports_minilm_to_the_same_weights(tmp_path: Path) -> None:
    assert OTHER is not None
    makers, weights = [], []
    for number, python in enumerate((sys.executable, OTHER)):
        folder = tmp_path / str(number)
        folder.mkdir()
        makers.append(run(python, EXPORT_MINILM, folder))
        weights.append((folder / "int8" / "model.onnx_data").read_bytes())
    assert "torch" in makers[0] and "optimum" in makers[1]
    assert weights[0] == weights[1]


def folders_that_versions_read_otherwise(work: Path) -> Sequence[Path]:
    """A normalizer that transformers 5 leaves out, a special token that it refuses, and modules."""
    keeps = bert_state(lowercase=False, strip_accents=None, chinese=True)
    lowers = write_checkpoint(work / "lowers", CASED, settings={"do_lower_case": False})
    write_tokenizer_json(lowers, normalizer=sequence_state(LOWERCASE, keeps))
    tokens = ["<E1>" if token == "[unused1]" else token for token in UNCASED]
    special = write_checkpoint(work / "special", tokens, settings={"do_lower_case": True}, max_position_embeddings=128)
    modules = old_folder(special, work / "modules", pooling={}, more=["Normalize"])
    write_json(special / "special_tokens_map.json", {"additional_special_tokens": [{"content": "<E1>"}]})
    return lowers, special, modules


def test_folders_that_versions_read_otherwise_give_the_same_files(tmp_path: Path) -> None:
    assert OTHER is not None
    folders = folders_that_versions_read_otherwise(tmp_path / "checkpoints")
    found = []
    for number, python in enumerate((sys.executable, OTHER)):
        run(python, EXPORT, tmp_path / str(number), *folders)
        files = contents(tmp_path / str(number))
        manifests = {name: json.loads(content) for name, content in files.items() if name.endswith("manifest.json")}
        assert len(manifests) == len(folders)
        found.append(
            {name: content for name, content in files.items() if not name.endswith(("manifest.json", "README.md"))}
            | {name: manifest["rules"] for name, manifest in manifests.items()}
        )
    assert found[0].keys() == found[1].keys()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []
