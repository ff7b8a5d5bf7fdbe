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
        note, error = errors.decode().splitlines()
        folder = kept_folder(output)
        assert note == f"biobert-onnx: note: the vectors so far are in '{folder}': the same command goes on behind them"
        assert error.endswith(", nothing was written")
    assert (
        f"'{kept_folder(output)}' has vectors of an interrupted run: --resume"
        in run("encode", artifact, texts, "-o", output, "-j", "0").stderr.decode()
    )
    resumed = run(*arguments)
    assert resumed.returncode == 0
    assert b" of them from the run before, engine" in resumed.stdout
    assert output.read_bytes() == right
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["out.npy"]


def test_what_cannot_be_resumed_is_refused(artifact: Path, tmp_path: Path, texts: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
    assert "standard input cannot be read again, as --resume needs it: name a file" in refused(
        2, "encode", artifact, "-", "-o", tmp_path / "out.npy", "--resume", stdin=b"text\n"
    )
    assert "--resume is for vectors of texts: leave it or --tokens out" in refused(
        2, "encode", artifact, texts, "-o", tmp_path / "out.parquet", "--resume", "--tokens"
    )
    assert list(tmp_path.iterdir()) == []
