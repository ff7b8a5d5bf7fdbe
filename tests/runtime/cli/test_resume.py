"""`encode --resume`: an interrupted command goes on where it was, and says so."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from biobert_onnx.files.kept_vectors import GROUPS, kept_folder
from tests.runtime.cli.command import ENVIRONMENT, command, heed_signals, refused, run

GROUPS_BEFORE_THE_END = 2


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "in.txt"
    path.write_text("".join(f"Sepsis {number} " + "again and " * 4 + "\n" for number in range(5000)))
    return path


@pytest.fixture(scope="module")
def right(artifact: Path, texts: Path) -> bytes:
    """What a run that nothing interrupts writes."""
    assert run("encode", artifact, texts, "-o", texts.with_name("whole.npy")).returncode == 0
    return texts.with_name("whole.npy").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_same_command_goes_on_behind_what_is_kept(
    artifact: Path, tmp_path: Path, texts: Path, right: bytes, number: signal.Signals
) -> None:
    output = tmp_path / "out.npy"
    arguments = ("encode", artifact, texts, "-o", output, "--resume")
    with subprocess.Popen(
        command(*arguments), stderr=subprocess.PIPE, env=ENVIRONMENT, preexec_fn=heed_signals
    ) as process:
        kept = kept_folder(output) / GROUPS
        while not kept.exists() or kept.read_bytes().count(b"\n") < GROUPS_BEFORE_THE_END:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert not output.exists()
    if number != signal.SIGKILL:
        expected = f"the vectors so far are in '{kept_folder(output)}': the same command goes on behind them"
        assert errors.decode() == f"biobert-onnx: error: interrupted, {expected}\n"
    assert (
        f"'{kept_folder(output)}' has vectors of an interrupted run: --resume"
        in run("encode", artifact, texts, "-o", output, "-j", "0").stderr.decode()
    )
    resumed = run(*arguments)
    assert resumed.returncode == 0
    assert b" of them from the run before, engine" in resumed.stdout
    assert output.read_bytes() == right
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["out.npy"]


@pytest.mark.parametrize("options", [(), ("--resume",)], ids=["anew", "as the other does"])
def test_a_file_that_another_run_writes_is_refused(
    artifact: Path, tmp_path: Path, texts: Path, options: tuple[str, ...]
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="this system has no such locks")
    output = tmp_path / "out.npy"
    kept_folder(output).mkdir()
    with (kept_folder(output) / GROUPS).open("wb") as file:  # as a run has it that is still at its first group
        fcntl.flock(file, fcntl.LOCK_EX)
        line = refused(2, "encode", artifact, texts, "-o", output, *options)
        assert f"out.npy.parts' is in use: another process writes '{output}'; wait for it, or end it" in line
        assert not output.exists()
    assert run("encode", artifact, texts, "-o", output, *options).returncode == 0


def test_other_options_are_named_as_they_are_written(artifact: Path, tmp_path: Path, texts: Path) -> None:
    arguments = ("encode", artifact, texts, "-o", tmp_path / "out.npy", "--resume")
    with subprocess.Popen(
        command(*arguments), stderr=subprocess.PIPE, env=ENVIRONMENT, preexec_fn=heed_signals
    ) as process:
        kept = kept_folder(tmp_path / "out.npy") / GROUPS
        while not kept.exists() or not kept.read_bytes():
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        process.communicate()
    line = refused(2, *arguments, "--normalize")
    assert "holds vectors of another run, with no --normalize then, and --normalize now: give what was given" in line


def test_what_cannot_be_resumed_is_refused(artifact: Path, tmp_path: Path, texts: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
    assert "standard input cannot be read again, as --resume needs it: name a file" in refused(
        2, "encode", artifact, "-", "-o", tmp_path / "out.npy", "--resume", stdin=b"text\n"
    )
    assert "--resume is for vectors of texts: leave it or --tokens out" in refused(
        2, "encode", artifact, texts, "-o", tmp_path / "out.parquet", "--resume", "--tokens"
    )
    assert list(tmp_path.iterdir()) == []
