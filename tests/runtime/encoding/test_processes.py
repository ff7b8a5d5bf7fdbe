"""One encoder in many threads, after a fork, in other processes, and closed."""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from tests.support.texts import TEXTS

FORKING = """
import os, sys
import numpy as np
from biobert_onnx import SentenceEncoder
encoder = SentenceEncoder({artifact!r}, threads=2)
texts = {texts!r}
expected = [encoder.encode(texts), encoder.encode(texts[:1]), encoder.encode(texts[:1])]
child = os.fork()
if child == 0:
    found = [encoder.encode(texts), encoder.encode(texts[:1]), encoder.encode(texts[:1])]
    sys.exit(0 if all((a == b).all() for a, b in zip(found, expected)) else 1)
_, status = os.waitpid(child, 0)
after = [encoder.encode(texts), encoder.encode(texts[:1])]
sys.exit(os.waitstatus_to_exitcode(status) or not all((a == b).all() for a, b in zip(after, expected)))
"""

FORKING_AT_WORK = """
import os, signal, sys, threading
from biobert_onnx import SentenceEncoder
encoder = SentenceEncoder({artifact!r}, threads=2)
texts = {texts!r}
expected = encoder.encode(texts)
def work():
    while True:
        encoder.encode(texts)
for _ in range(6):
    threading.Thread(target=work, daemon=True).start()
codes = []
for _ in range(40):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends it even where it hangs
        os._exit(0 if (encoder.encode(texts) == expected).all() else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    if codes[-1]:
        break
print(set(codes))
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_process_forked_while_threads_encode_does_not_hang(artifact: Path) -> None:
    code = FORKING_AT_WORK.format(artifact=str(artifact), texts=TEXTS)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("{0}\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_gives_the_same_bits_ends_and_says_nothing(artifact: Path) -> None:
    code = FORKING.format(artifact=str(artifact), texts=TEXTS)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_process_that_only_imports_the_runtime_ends_after_a_fork() -> None:
    code = "import biobert_onnx, os, sys; child = os.fork(); child or sys.exit(3); print(os.waitpid(child, 0)[1] >> 8)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "3\n"


def test_importing_the_runtime_leaves_no_variable_and_no_thread_behind() -> None:
    code = (
        "import os, numpy; before = dict(os.environ), len(os.listdir('/proc/self/task'));"
        "import biobert_onnx; print(before == (dict(os.environ), len(os.listdir('/proc/self/task'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n"


def test_a_pickled_encoder_is_its_path_and_options(artifact: Path, encoder: SentenceEncoder) -> None:
    data = pickle.dumps(SentenceEncoder(artifact, max_length=8, threads=1))
    copy = pickle.loads(data)
    assert len(data) < 1000
    assert copy.max_length == 8
    with pytest.warns(UserWarning, match="were cut there"):
        cut = copy.encode(TEXTS)
    with pytest.warns(UserWarning):
        assert (cut == SentenceEncoder(artifact, max_length=8).encode(TEXTS)).all()


def test_a_spawned_process_gives_the_same_bits(artifact: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    (tmp_path / "encoder.pickle").write_bytes(pickle.dumps(encoder))
    code = (
        "import pickle, sys, numpy, pathlib; folder = pathlib.Path(sys.argv[1]);"
        "encoder = pickle.loads((folder / 'encoder.pickle').read_bytes());"
        f"numpy.save(folder / 'out.npy', encoder.encode({TEXTS!r}))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert (np.load(tmp_path / "out.npy") == encoder.encode(TEXTS)).all()


def in_threads(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_eight_threads_share_one_new_encoder(artifact: Path, encoder: SentenceEncoder) -> None:
    expected, shared = encoder.encode(TEXTS), SentenceEncoder(artifact, threads=2)
    equal: list[bool] = []

    def work() -> None:
        for _ in range(5):
            equal.append(bool((shared.encode(TEXTS) == expected).all()))
            equal.append(bool((shared.encode(TEXTS[:1]) == expected[:1]).all()))

    in_threads(work, 8)
    assert equal == [True] * 80


def test_the_first_text_and_every_later_one_get_the_same_bits(artifact: Path, encoder: SentenceEncoder) -> None:
    expected = encoder.encode(TEXTS)
    for threads in (1, 2, 3):
        other = SentenceEncoder(artifact, threads=threads)
        for row, text in enumerate(TEXTS):
            assert (other.encode([text]) == expected[row]).all()


def test_a_closed_encoder_refuses_to_encode(artifact: Path) -> None:
    with SentenceEncoder(artifact) as encoder:
        encoder.encode(["a"])
    with pytest.raises(ValueError, match="the encoder is closed: make a new"):
        encoder.encode(["a"])


def own_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_closing_gives_the_sessions_threads_back(artifact: Path) -> None:
    before = own_threads()
    with SentenceEncoder(artifact, threads=4) as encoder:
        for _ in range(3):
            encoder.encode(["a"])
        assert own_threads() > before
    assert own_threads() == before
