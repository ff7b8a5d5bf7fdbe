"""Signals: the command removes what it was writing and says so; Python users' processes are left alone."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from biobert_onnx.cli import signals
from biobert_onnx.cli.main import main
from biobert_onnx.cli.signals import SignalError, signals_raised
from tests.runtime.cli.command import ENVIRONMENT, command, heed_signals, read, refused, run, unfinished_run
from tests.support.systems import NO_TERMINALS

pty = pytest.importorskip("pty", reason=NO_TERMINALS)  # nor signals, where there is no such module

ENDINGS = {
    signal.SIGINT: (130, "interrupted, nothing was written"),
    signal.SIGTERM: (143, "ended by SIGTERM, nothing was written"),
    signal.SIGHUP: (129, "ended by SIGHUP, nothing was written"),
}
both_moments = pytest.mark.parametrize("lines", [0, 10**9], ids=["waiting for input", "computing"])


@both_moments
def test_control_c_ends_a_run_and_leaves_no_file(artifact: Path, tmp_path: Path, lines: int) -> None:
    with unfinished_run(artifact, tmp_path / "out.npy", lines=lines) as process:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.decode() == "biobert-onnx: error: interrupted, nothing was written\n"
    assert list(tmp_path.iterdir()) == []


@both_moments
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_terminated_leaves_no_file(
    artifact: Path, tmp_path: Path, number: signal.Signals, lines: int
) -> None:
    (tmp_path / "out.npy").write_bytes(b"old")
    with unfinished_run(artifact, tmp_path / "out.npy", lines=lines) as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    code, message = ENDINGS[number]
    assert (process.returncode, errors.decode()) == (code, f"biobert-onnx: error: {message}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["out.npy"]
    assert (tmp_path / "out.npy").read_bytes() == b"old"


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_a_signal_at_any_moment_leaves_no_file(artifact: Path, tmp_path: Path, delay_s: float) -> None:
    arguments = command("encode", artifact, "-", "-o", tmp_path / "out.npy")
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, preexec_fn=heed_signals
    ) as process:
        time.sleep(delay_s)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode in {143, -signal.SIGTERM}  # the latter while Python itself starts
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("numbers", "codes"),
    [((signal.SIGTERM, signal.SIGHUP, signal.SIGTERM), {143, 129}), ((signal.SIGINT,) * 3, {130})],
    ids=["systemd's", "Ctrl-C"],
)
def test_a_second_signal_does_not_disturb_the_cleaning(
    artifact: Path, tmp_path: Path, numbers: tuple[signal.Signals, ...], codes: set[int]
) -> None:
    with unfinished_run(artifact, tmp_path / "out.npy", lines=10**9) as process:
        for number in numbers:
            process.send_signal(number)
            time.sleep(0.01)
        _, errors = process.communicate(timeout=60)
    after_pythons_end = {-number for number in numbers}  # then the system ends it
    assert process.returncode in codes | after_pythons_end
    assert len(errors.decode().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def ignore_hangups() -> None:
    heed_signals()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def test_a_signal_that_nohup_ignores_stays_ignored(artifact: Path, tmp_path: Path) -> None:
    arguments = command("encode", artifact, "-", "-o", tmp_path / "out.npy")
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, preexec_fn=ignore_hangups
    ) as process:
        while not any(tmp_path.iterdir()):
            time.sleep(0.01)
        process.send_signal(signal.SIGHUP)
        _, errors = process.communicate(b"Sepsis\n", timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert [path.name for path in tmp_path.iterdir()] == ["out.npy"]


@pytest.mark.skipif(find_spec("torch") is None, reason="the extra 'export' is not installed")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("step", ["reading the checkpoint", "building the float32 graph"])
def test_an_export_that_is_ended_leaves_no_folder(
    tiny_checkpoint: Path, tmp_path: Path, number: signal.Signals, step: str
) -> None:
    arguments = command("export", tiny_checkpoint, tmp_path / "artifact")
    arguments.remove("-W")
    arguments.remove("error")  # of other packages
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, preexec_fn=heed_signals)
    assert process.stderr is not None
    while step not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    code, message = ENDINGS[number]
    assert process.returncode == code, errors
    assert errors.endswith(f"biobert-onnx: error: {message}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_is_told_by_the_next_one_and_no_living_one_is(artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npy"
    with unfinished_run(artifact, out, lines=0) as process:
        assert run("encode", artifact, "-", "-o", out, stdin=b"a\n").stderr == b""
        process.kill()
        process.wait()
        (left,) = tmp_path.glob(".out.npy.*")
        done = run("encode", artifact, "-", "-o", out, "--quiet", stdin=b"a\n")
    expected = f"biobert-onnx: warning: '{left}': left by a run that was killed; nothing uses it, so it can be removed"
    assert done.returncode == 0 and done.stderr.decode().startswith(expected)
    assert left.exists()
    left.unlink()
    assert run("encode", artifact, "-", "-o", out, stdin=b"a\n").stderr == b""


def test_what_killed_runs_have_left_is_told_by_every_command_that_writes(artifact: Path, tmp_path: Path) -> None:
    for name in ("packed", "artifact", "f.zip"):
        (tmp_path / f".{name}.0123abcd").mkdir()
    done = run("prepack", artifact, "--into", tmp_path / "packed")
    assert done.returncode == 0 and ".packed.0123abcd': left by a run that was killed" in done.stderr.decode()
    for arguments in (
        ("export", tmp_path, tmp_path / "artifact"),
        ("bundle", artifact, tmp_path / "f.zip", "--python", "x"),
    ):
        if arguments[0] == "bundle" or find_spec("torch") is not None:
            assert "0123abcd': left by a run that was killed" in run(*arguments).stderr.decode()


def test_a_keyboard_is_told_that_it_is_waited_for(artifact: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = command("encode", artifact, "-", "-o", tmp_path / "out.npy")
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stderr=theirs, env=ENVIRONMENT) as process:
        os.close(theirs)
        assert read(ours).decode() == "\rreading standard input"
        process.communicate(b"a\nb\n", timeout=60)
        drawn = b"".join(iter(lambda: read(ours), b"")).decode()
    os.close(ours)
    assert drawn.rstrip().split("\r")[-1].startswith("2 texts, ")


@pytest.fixture
def no_handlers() -> Iterator[None]:
    """The system's own handling, also where nohup has signals ignored."""
    numbers = [getattr(signal, name) for name in signals.NAMES]
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    assert set(before.values()) <= {*signals.UNTOUCHED, signal.SIG_IGN}  # no test has left a handler
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_handlers_are_there_in_the_block_only_and_in_the_main_thread_only(no_handlers: None) -> None:
    with signals_raised():
        assert callable(signal.getsignal(signal.SIGTERM))
        with pytest.raises(SignalError, match="ended by SIGTERM"):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    found = []

    def look() -> None:
        with signals_raised():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


def test_a_handler_of_the_caller_is_kept(no_handlers: None, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        with signals_raised():
            os.kill(os.getpid(), signal.SIGTERM)
        assert main(["info", str(artifact)]) == 0
        os.kill(os.getpid(), signal.SIGTERM)
        assert came == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_importing_and_encoding_change_no_handler(artifact: Path) -> None:
    code = (
        "import signal; before = [signal.getsignal(n) for n in signal.valid_signals()]\n"
        f"import biobert_onnx.cli.main; biobert_onnx.SentenceEncoder({str(artifact)!r}).encode(['a'])\n"
        "assert before == [signal.getsignal(n) for n in signal.valid_signals()]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_signal_after_the_grace_is_heeded_again(monkeypatch: pytest.MonkeyPatch, no_handlers: None) -> None:
    monkeypatch.setattr(signals, "GRACE_S", 0.0)
    with signals_raised():
        for _ in range(2):
            with pytest.raises(SignalError):
                os.kill(os.getpid(), signal.SIGTERM)
    assert "no such file" in refused(2, "encode", ".", "absent.txt", "-o", "out.npy")
