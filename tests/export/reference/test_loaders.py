"""The ecosystem's loaders work without a word on the terminal, and leave its progress bars as they were."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.folders import UNCASED, write_checkpoint
from tests.support.sentence_transformers import old_folder

LOAD = """
import sys
from pathlib import Path
from transformers.utils import logging
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference.loaders import SentenceTransformersLoader, TransformersLoader
plain, modules = map(Path, sys.argv[1:])
before = logging.is_progress_bar_enabled()
for loader in (
    TransformersLoader(plain, Checkpoint.read(str(plain)), pooling="mean"),
    SentenceTransformersLoader(modules, Checkpoint.read(str(modules))),
):
    print(loader.vectors(["a gene", "a"]).shape)
assert logging.is_progress_bar_enabled() == before
"""


@pytest.mark.parametrize("disable_bars", ["", "0", "1"])
def test_loading_and_encoding_print_nothing_and_leave_progress_bars_as_they_were(
    tmp_path: Path, disable_bars: str
) -> None:
    pytest.importorskip("sentence_transformers")
    plain = write_checkpoint(tmp_path / "plain", UNCASED, settings={"do_lower_case": True}, max_position_embeddings=128)
    modules = old_folder(plain, tmp_path / "modules", pooling={})
    command = [sys.executable, "-W", "default", "-c", LOAD, str(plain), str(modules)]
    environment = os.environ | {"HF_HUB_DISABLE_PROGRESS_BARS": disable_bars}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == ["(2, 128)"] * 2
    assert done.stderr == ""
