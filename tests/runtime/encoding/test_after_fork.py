"""A forked process computes for itself, with the same bits, and hangs on nothing that its parent's threads had."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import run_program
from tests.support.systems import needs_fork
from tests.support.texts import TEXTS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

TEXTS_AS_JSON = json.dumps(TEXTS)


def test_a_process_forked_while_threads_encode_does_not_hang(artifact: Path) -> None:
    done = run_program("fork_at_work.py", artifact, TEXTS_AS_JSON, timeout_s=300)
    assert (done.stdout, done.stderr) == ("{0}\n", "")


def test_a_forked_process_gives_the_same_bits_ends_and_says_nothing(artifact: Path) -> None:
    done = run_program("fork_once.py", artifact, TEXTS_AS_JSON)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_process_forked_while_others_wait_computes_for_itself(artifact: Path) -> None:
    ignored = "ignore::DeprecationWarning"  # 3.12 warns of forks with threads
    done = run_program("fork_while_awaiting.py", artifact, TEXTS_AS_JSON, warnings=ignored)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_fork
def test_a_process_that_only_imports_the_runtime_ends_after_a_fork() -> None:
    code = "import biobert_onnx, os, sys; child = os.fork(); child or sys.exit(3); print(os.waitpid(child, 0)[1] >> 8)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "3\n"
