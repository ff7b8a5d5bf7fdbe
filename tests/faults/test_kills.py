"""Exports killed at any moment: no target, or a whole one."""

import os
import shutil
import signal
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from biobert_onnx import Manifest
from tests.support.exports import Export


@settings(max_examples=max(2, settings().max_examples // 40))
@given(
    number=st.sampled_from([signal.SIGKILL, signal.SIGTERM]),
    step=st.integers(0, 6),
    delay_ms=st.integers(0, 400),
)
def test_a_killed_export_leaves_a_whole_artifact_or_none(
    tiny_checkpoint: Path, tmp_path: Path, number: int, step: int, delay_ms: int
) -> None:
    target = tmp_path / "artifact"
    running = Export(tiny_checkpoint, target)
    for _ in range(step):
        running.step()
    time.sleep(delay_ms / 1000)
    if running.process.pid is not None and running.process.is_alive():
        os.kill(running.process.pid, number)
    code, _ = running.outcome()
    assert code in {0, -number}
    assert target.exists() or code != 0
    if target.exists():
        Manifest.read(target).check_contents(target)
    for path in tmp_path.iterdir():
        shutil.rmtree(path)
