"""Metrics of several workers: those that were killed are taken out, without a signal to anybody."""

import os
import sys
from pathlib import Path

import pytest

from biobert_onnx.serving.http import metrics

NOBODYS = 2**22 + 1
"""A process id above Linux's greatest."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of counts, of this process and of one that is dead."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for process in (os.getpid(), NOBODYS):
        (tmp_path / f"gauge_livesum_{process}.db").touch()
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot ask whether a process lives by a signal")
def test_only_dead_processes_are_forgotten(folder: Path) -> None:
    metrics._forget_dead_processes(folder)
    assert [path.name for path in folder.iterdir()] == [f"gauge_livesum_{os.getpid()}.db"]


def test_no_process_gets_ctrl_c_on_windows_where_signal_0_is_that(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a signal was sent"))
    metrics._forget_dead_processes(folder)
    assert len(list(folder.iterdir())) == 2
