"""The command: what it writes, and one line for each mistake."""

import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from tests.support.texts import TEXTS

LINES = [text for text in TEXTS if "\n" not in text]


ENVIRONMENT = {**os.environ, "PYTHONUTF8": "1"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "biobert_onnx", *map(str, arguments)]


def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(*arguments), input=stdin, capture_output=True, env=ENVIRONMENT)


def refused(code: int, *arguments: object, stdin: bytes = b"") -> str:
    """The one line on stderr of a call that must end with `code`."""
    done = run(*arguments, stdin=stdin)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, len(lines)) == (code, 1), done.stderr.decode()
    return lines[0]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def test_encode_writes_the_encoders_vectors_as_npy(
    artifact: Path, encoder: SentenceEncoder, texts: Path, tmp_path: Path
) -> None:
    done = run("encode", artifact, texts, "-o", tmp_path / "out.npy")
    assert done.returncode == 0, done.stderr.decode()
    assert f"{len(LINES)} vectors of {encoder.dim} dimensions" in done.stdout.decode()
    assert (np.load(tmp_path / "out.npy") == encoder.encode(LINES)).all()


def test_encode_writes_text_and_vector_as_jsonl(
    artifact: Path, encoder: SentenceEncoder, texts: Path, tmp_path: Path
) -> None:
    assert run("encode", artifact, texts, "-o", tmp_path / "out.jsonl", "--normalize").returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in rows] == LINES
    vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
    assert (vectors == encoder.encode(LINES, normalize_embeddings=True)).all()


def test_encode_reads_standard_input_with_carriage_returns(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    stdin = "\ufefffirst line\r\n\r\nlast line".encode()
    assert run("encode", artifact, "-", "-o", tmp_path / "out.npy", stdin=stdin).returncode == 0
    assert (np.load(tmp_path / "out.npy") == encoder.encode(["first line", "", "last line"])).all()


def test_texts_that_were_cut_are_told_in_one_line(artifact: Path, texts: Path, tmp_path: Path) -> None:
    done = run("encode", artifact, texts, "-o", tmp_path / "out.npy", "--max-length", "12", "--truncate-dim", "5")
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 0
    assert re.match(r"biobert-onnx: warning: \d of 12 texts were cut to 12 tokens, the longest had \d\d", line)
    assert np.load(tmp_path / "out.npy").shape == (len(LINES), 5)


def test_windows_and_errors_can_be_chosen_for_long_texts(artifact: Path, texts: Path, tmp_path: Path) -> None:
    arguments = ("encode", artifact, texts, "-o", tmp_path / "out.npy", "--max-length", "12", "--long-texts")
    assert "sentences[0] has" in refused(2, *arguments, "error")
    assert not (tmp_path / "out.npy").exists()
    done = run(*arguments, "window")
    assert (done.returncode, done.stderr) == (0, b"")
    expected = SentenceEncoder(artifact, max_length=12).encode(LINES, long_texts="window")
    assert (np.load(tmp_path / "out.npy") == expected).all()


@pytest.mark.parametrize(("name", "option"), [("in.jsonl", "--field"), ("in.csv", "--column")])
def test_encode_reads_the_field_or_column_that_is_named(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, name: str, option: str
) -> None:
    content = {"in.jsonl": '{"id": 1, "title": "Sepsis"}\n', "in.csv": "id,title\n1,Sepsis\n"}[name]
    (tmp_path / name).write_text(content, encoding="utf-8")
    line = refused(2, "encode", artifact, tmp_path / name, "-o", tmp_path / "out.npy")
    assert f"has no 'text', only 'id', 'title': name the text with {option}" in line
    assert run("encode", artifact, tmp_path / name, "-o", tmp_path / "out.npy", option, "title").returncode == 0
    assert (np.load(tmp_path / "out.npy") == encoder.encode(["Sepsis"])).all()


def test_closed_standard_input_is_no_empty_input(artifact: Path, tmp_path: Path) -> None:
    shell = ["sh", "-c", 'exec "$@" <&-', "sh", *command("encode", artifact, "-", "-o", tmp_path / "out.npy")]
    done = subprocess.run(shell, capture_output=True, env=ENVIRONMENT)
    assert (done.returncode, b"standard input is closed" in done.stderr) == (2, True)


def test_an_empty_file_gives_no_vectors(artifact: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    assert run("encode", artifact, "-", "-o", tmp_path / "out.npy").returncode == 0
    assert np.load(tmp_path / "out.npy").shape == (0, encoder.dim)


def test_info_shows_identity_fidelity_and_sizes(artifact: Path) -> None:
    out = run("info", artifact).stdout.decode()
    assert "int8" in out and "mean pooling" in out and "weights.bin" in out and "gated" in out


def test_verify_passes_on_a_sound_artifact(artifact: Path) -> None:
    done = run("verify", artifact)
    assert done.returncode == 0
    assert "sha256" in done.stdout.decode()


@pytest.mark.parametrize("arguments", [("models",), ("info",), ("verify",)])
def test_a_reader_of_the_output_who_leaves_ends_a_command_without_a_word(
    artifact: Path, arguments: tuple[str, ...]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    own = (artifact,) if arguments != ("models",) else ()
    done = subprocess.run(command(*arguments, *own), stdout=writing, stderr=subprocess.PIPE, env=ENVIRONMENT)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_closed_standard_output_is_no_error(artifact: Path) -> None:
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", *command("info", artifact)]
    done = subprocess.run(shell, capture_output=True, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_one_line(artifact: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command("info", artifact), stdout=full, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr.decode()


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_an_output_that_has_no_room_is_named_and_removed(artifact: Path, texts: Path, tmp_path: Path) -> None:
    arguments = command("encode", artifact, texts, "-o", tmp_path / "out.npy")
    done = subprocess.run(arguments, capture_output=True, env=ENVIRONMENT, preexec_fn=limit_files)
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert f"'{tmp_path / 'out.npy'}' cannot be written (File too large): make room" in line
    assert list(tmp_path.iterdir()) == [texts]


def test_bytes_that_are_no_utf8_are_named_by_line_and_leave_no_output(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("fine\nd\xe9j\xe0 vu\n".encode("latin-1"))
    line = refused(2, "encode", artifact, tmp_path / "latin.txt", "-o", tmp_path / "out.npy")
    assert "latin.txt', line 2 is no UTF-8 text: byte 0xe9" in line
    assert [path.name for path in tmp_path.iterdir()] == ["latin.txt"]


def test_a_wrong_artifact_path_is_one_line(texts: Path, tmp_path: Path) -> None:
    assert "no such folder: 'nowhere'" in refused(2, "encode", "nowhere", texts, "-o", tmp_path / "out.npy")
    assert "no such folder: 'nowhere'" in refused(2, "info", "nowhere")
    assert "no such folder: 'nowhere'" in refused(2, "verify", "nowhere")
    assert "holds no manifest.json" in refused(1, "verify", tmp_path)


def test_bad_use_is_one_line_and_exit_code_2(artifact: Path, texts: Path, tmp_path: Path) -> None:
    assert "no such file: 'nowhere.txt'" in refused(2, "encode", artifact, "nowhere.txt", "-o", tmp_path / "out.npy")
    assert "no such folder" in refused(2, "encode", artifact, texts, "-o", tmp_path / "nowhere" / "out.npy")
    assert ".npy or .jsonl or .parquet" in refused(2, "encode", artifact, texts, "-o", tmp_path / "out.csv")
    assert "--field does not go with" in refused(2, "encode", artifact, texts, "-o", "out.npy", "--field", "title")
    assert "COMMAND" in refused(2)
    assert "invalid choice" in refused(2, "encrypt")
    assert "invalid int value" in refused(2, "encode", artifact, texts, "-o", tmp_path / "out.npy", "--threads", "two")
    assert "max_length is 2" in refused(2, "encode", artifact, texts, "-o", tmp_path / "out.npy", "--max-length", "2")
    assert list(tmp_path.iterdir()) == [texts]
    (tmp_path / "folder.npy").mkdir()
    assert "is a folder" in refused(2, "encode", artifact, texts, "-o", tmp_path / "folder.npy")


def heed_interrupts() -> None:
    """A process that a script starts in the background ignores SIGINT, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def unfinished_run(artifact: Path, output: Path, *, lines: int) -> Iterator[subprocess.Popen[bytes]]:
    """An encode command that has read `lines` lines; it is computing them or, if there are none, waits for more."""
    reading, writing = os.pipe()
    source = subprocess.Popen(["seq", "-f", "Sepsis again and again. " * 20 + "%.0f", str(lines)], stdout=writing)
    arguments = command("encode", artifact, "-", "-o", output)
    process = subprocess.Popen(
        arguments, stdin=reading, stderr=subprocess.PIPE, env=ENVIRONMENT, preexec_fn=heed_interrupts
    )
    os.close(reading)
    started = 1000 if lines else 0
    while not any(path.stat().st_size >= started for path in output.parent.glob(f".{output.name}.*")):
        assert process.poll() is None
        time.sleep(0.01)
    try:
        yield process
    finally:
        os.close(writing)
        process.kill()
        process.communicate()
        source.kill()
        source.wait()


@pytest.mark.parametrize("lines", [0, 10**9], ids=["waiting for input", "computing"])
def test_control_c_ends_a_run_and_leaves_no_file(artifact: Path, tmp_path: Path, lines: int) -> None:
    with unfinished_run(artifact, tmp_path / "out.npy", lines=lines) as process:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.decode() == "biobert-onnx: error: interrupted, nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_terminated_leaves_nothing_under_the_outputs_name(artifact: Path, tmp_path: Path) -> None:
    with unfinished_run(artifact, tmp_path / "out.npy", lines=10**9) as process:
        process.terminate()
        assert process.wait(timeout=60) == -signal.SIGTERM
    assert not (tmp_path / "out.npy").exists()


def test_the_progress_bar_shows_rate_and_remaining_time_on_a_terminal(
    artifact: Path, texts: Path, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    arguments = command("encode", artifact, texts, "-o", tmp_path / "out.npy")
    subprocess.run(arguments, stderr=theirs, stdout=subprocess.DEVNULL, env=ENVIRONMENT, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    last = shown.rstrip().split("\r")[-1]
    assert last.startswith("[" + "#" * 30 + f"] {len(LINES)} texts, ")
    assert last.endswith("texts/s, 0 s left")


def test_nothing_shows_where_stderr_is_no_terminal(artifact: Path, texts: Path, tmp_path: Path) -> None:
    assert run("encode", artifact, texts, "-o", tmp_path / "out.npy").stderr == b""


@pytest.mark.skipif(find_spec("pyarrow") is not None, reason="the extra 'parquet' is installed here")
def test_parquet_without_its_extra_says_what_to_install(artifact: Path, texts: Path, tmp_path: Path) -> None:
    (tmp_path / "in.parquet").touch()
    message = "Parquet needs the extra 'parquet' (pyarrow is missing): pip install '.[parquet]' in the checkout"
    assert message in refused(2, "encode", artifact, tmp_path / "in.parquet", "-o", tmp_path / "out.npy")
    assert message in refused(2, "encode", artifact, texts, "-o", tmp_path / "out.parquet")
    assert {path.name for path in tmp_path.iterdir()} == {"in.parquet", "texts.txt"}


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra 'export' is installed here")
def test_export_without_its_extra_says_what_to_install(tmp_path: Path) -> None:
    assert "pip install '.[export]' in the checkout" in refused(2, "export", tmp_path, tmp_path / "artifact")
