"""The command: what it writes, and one line for each mistake."""

import json
import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder, _progress
from biobert_onnx.cli.main import main
from biobert_onnx.cli.printing import sentence
from tests.runtime.cli.command import ENVIRONMENT, command, drawn_on_terminal, refused, run
from tests.support.prompts import DEFAULT, PROMPTS, copy_with_prompts
from tests.support.systems import needs_limits
from tests.support.texts import TEXTS

LINES = [text for text in TEXTS if "\n" not in text]


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
    expected = r"biobert-onnx: warning: \d of 12 texts have more tokens than --max-length and were cut there: split "
    assert re.match(expected + "them, encode them whole with --long-texts 'window'", line)
    assert np.load(tmp_path / "out.npy").shape == (len(LINES), 5)


def test_windows_and_errors_can_be_chosen_for_long_texts(artifact: Path, texts: Path, tmp_path: Path) -> None:
    arguments = ("encode", artifact, texts, "-o", tmp_path / "out.npy", "--max-length", "12", "--long-texts")
    line = refused(1, *arguments, "error")
    assert f"'{texts}', line 1 has more than 12 tokens: split it, or choose --long-texts 'window' or 'truncate'" in line
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


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.txt", "", "has no texts"),
        ("in.jsonl", "", "has no texts"),
        ("in.csv", "text\n", "has no texts"),
        ("in.txt", "\n\n", "has no texts: 2 rows without a text left out"),
    ],
)
def test_a_file_without_texts_gives_no_vectors_and_a_warning(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    arguments = ("encode", artifact, tmp_path / name, "-o", tmp_path / "out.npy", "--missing", "skip", "--quiet")
    done = run(*arguments)
    assert done.returncode == 0
    assert done.stderr.decode() == f"biobert-onnx: warning: '{tmp_path / name}' {said}\n"
    assert np.load(tmp_path / "out.npy").shape == (0, encoder.dim)


def test_standard_input_without_texts_is_warned_of(artifact: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    done = run("encode", artifact, "-", "-o", tmp_path / "out.npy")
    assert (done.returncode, done.stderr) == (0, b"biobert-onnx: warning: standard input has no texts\n")
    assert np.load(tmp_path / "out.npy").shape == (0, encoder.dim)


@pytest.mark.parametrize(
    ("options", "prompt"),
    [
        ((), PROMPTS[DEFAULT]),
        (("--prompt", ""), ""),
        (("--prompt", "gene: "), "gene: "),
        (("--prompt-name", "query"), PROMPTS["query"]),
    ],
)
def test_a_prompt_is_put_before_each_text(
    prompted_artifact: Path,
    encoder: SentenceEncoder,
    texts: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    prompt: str,
) -> None:
    done = run("encode", prompted_artifact, texts, "-o", tmp_path / "out.npy", *options)
    assert done.returncode == 0, done.stderr.decode()
    assert np.array_equal(np.load(tmp_path / "out.npy"), encoder.encode([prompt + line for line in LINES]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--prompt", "a", "--prompt-name", "query"), "argument --prompt-name: "),
        (("--prompt-name", "qeury"), "--prompt-name is 'qeury', but the artifact's prompts are 'query', 'document'"),
        (("--prompt", "a" * 8193), "aaaaa', of 8,193 characters, expected at most 8,192: shorten it"),
        (("--prompt", "a\udc80"), "--prompt holds a lone surrogate, '\\udc80' at character 1"),
    ],
)
def test_a_prompt_that_cannot_be_put_before_texts_is_refused_before_the_input_is_read(
    prompted_artifact: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "bad.jsonl").write_text('{"text": 5}\n')
    line = refused(2, "encode", prompted_artifact, tmp_path / "bad.jsonl", "-o", tmp_path / "out.npy", *options)
    assert message in line
    assert not (tmp_path / "out.npy").exists()


def test_info_shows_the_prompts(prompted_artifact: Path) -> None:
    lines = run("info", prompted_artifact).stdout.decode().splitlines()
    assert [line for line in lines if line.startswith("prompt ")] == [
        "prompt query: 'Find articles on: '",
        "prompt document: 'title: none | text: '",
        "prompt passage: 'Étude. ' (default)",
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_info_and_help_are_printed_on_any_encoding_of_stdout(artifact: Path, tmp_path: Path, encoding: str) -> None:
    folder = copy_with_prompts(artifact, tmp_path / "Ωμέγα", {"query": "Βρες: ", "document": "Étude 🧬: "}, "query")
    variables: dict[str, Any] = {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding, "LC_ALL": "C.UTF-8"}
    for arguments in (("info", folder), ("verify", folder), ("models",), ("--help",), ("help", "encode")):
        done = run(*arguments, **variables)
        assert (done.returncode, done.stderr) == (0, b""), arguments
    assert r"\u0392\u03c1\u03b5\u03c2" in run("info", folder, **variables).stdout.decode(encoding)


def test_info_shows_identity_fidelity_and_sizes(artifact: Path) -> None:
    out = run("info", artifact).stdout.decode()
    assert "int8" in out and "mean pooling" in out and "model.onnx_data" in out and "gated" in out


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
@pytest.mark.parametrize("arguments", [("info",), ("models",), ("--help",), ("--version",), ("encode", "--help")])
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "at once"])
def test_output_that_cannot_be_written_is_one_line(artifact: Path, arguments: tuple[str, ...], unbuffered: str) -> None:
    own = (artifact,) if arguments == ("info",) else ()
    variables = {**ENVIRONMENT, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command(*arguments, *own), stdout=full, stderr=subprocess.PIPE, env=variables)
    expected = "standard output cannot be written (No space left on device): make room there, or send it elsewhere"
    assert (done.returncode, done.stderr.decode()) == (1, f"biobert-onnx: error: {expected}\n")


def test_an_error_of_the_system_is_a_sentence() -> None:
    assert sentence(OSError(5, "Input/output error")).startswith("a file cannot be used (Input/output error): give")
    assert sentence(FileNotFoundError("no such folder: 'a'")) == "no such folder: 'a'"


def test_the_locale_c_shows_names_and_what_it_has_no_character_for(artifact: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + "/ä.txt".encode()
    Path(os.fsdecode(name)).write_bytes("ä\n".encode())
    variables: dict[str, Any] = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    texts = os.fsdecode(name)
    done = run("similarity", artifact, texts, texts, **variables)
    assert (done.returncode, done.stdout) == (0, b" 1.0000  1  1  '\\xe4'  '\\xe4'\n"), done.stderr.decode()
    done = run("encode", artifact, texts, "-o", texts.replace(".txt", ".npy"), **variables)
    assert done.stdout.startswith(b"wrote " + name.replace(b".txt", b".npy")), done.stderr.decode()


def limit_files() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


@needs_limits
def test_an_output_that_has_no_room_is_named_and_removed(artifact: Path, texts: Path, tmp_path: Path) -> None:
    arguments = command("encode", artifact, texts, "-o", tmp_path / "out.npy")
    done = subprocess.run(arguments, capture_output=True, env=ENVIRONMENT, preexec_fn=limit_files)
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert f"'{tmp_path / 'out.npy'}' cannot be written (File too large): make room" in line
    assert list(tmp_path.iterdir()) == [texts]


def test_bytes_that_are_no_utf8_are_named_by_line_and_leave_no_output(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("fine\nd\xe9j\xe0 vu\n".encode("latin-1"))
    line = refused(1, "encode", artifact, tmp_path / "latin.txt", "-o", tmp_path / "out.npy")
    assert "latin.txt', line 2 is no UTF-8 text: byte 2 of the line is 0xe9: convert the file" in line
    assert [path.name for path in tmp_path.iterdir()] == ["latin.txt"]


def test_a_wrong_artifact_path_is_one_line(texts: Path, tmp_path: Path) -> None:
    assert "no such folder: 'nowhere'" in refused(2, "encode", "nowhere", texts, "-o", tmp_path / "out.npy")
    assert "no such folder: 'nowhere'" in refused(2, "info", "nowhere")
    assert "no such folder: 'nowhere'" in refused(2, "verify", "nowhere")
    assert "holds no manifest.json" in refused(1, "verify", tmp_path)


COMMANDS_OF_ARTIFACTS = {
    "encode": ("ARTIFACT", "in.txt", "-o", "o.npy"),
    "serve": ("ARTIFACT",),
    "info": ("ARTIFACT",),
    "verify": ("ARTIFACT",),
    "similarity": ("ARTIFACT", "in.txt"),
    "prepack": ("ARTIFACT",),
    "push": ("ARTIFACT", "me/it"),
    "convert": ("ARTIFACT", "folder", "--to", "spark-nlp"),
    "bundle": ("ARTIFACT", "o.zip"),
}


@pytest.mark.parametrize("name", COMMANDS_OF_ARTIFACTS)
def test_every_command_says_what_is_wrong_with_the_artifact_that_is_named(
    name: str, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for given, message in (
        (
            "nowhere",
            "no such folder: 'nowhere', expected an artifact's: make one with 'biobert-onnx export CHECKPOINT ",
        ),
        (
            "biobert-v1.1",
            "which is the name of a checkpoint: make an artifact of it with 'biobert-onnx export biobert-",
        ),
        (str(texts), f"'{texts}' is a file, expected an artifact, which is a folder: make one with 'biobert-onnx ex"),
    ):
        with pytest.raises(SystemExit) as end:
            main([name, *(given if part == "ARTIFACT" else part for part in COMMANDS_OF_ARTIFACTS[name])])
        (line,) = capsys.readouterr().err.splitlines()
        assert end.value.code == 2 and message in line


def test_bad_use_is_one_line_and_exit_code_2(artifact: Path, texts: Path, tmp_path: Path) -> None:
    assert "no such file: 'nowhere.txt'" in refused(2, "encode", artifact, "nowhere.txt", "-o", tmp_path / "out.npy")
    assert "no such folder" in refused(2, "encode", artifact, texts, "-o", tmp_path / "nowhere" / "out.npy")
    assert ".npy or .jsonl or .parquet" in refused(2, "encode", artifact, texts, "-o", tmp_path / "out.csv")
    assert "--field does not go with" in refused(2, "encode", artifact, texts, "-o", "out.npy", "--field", "title")
    assert "'encrypt'" in refused(2, "encrypt")
    line = refused(2, "encode", artifact, texts, "-o", tmp_path / "out.npy", "--threads", "two")
    assert "--threads" in line and "'two'" in line
    assert "--max-length is 2" in refused(2, "encode", artifact, texts, "-o", tmp_path / "out.npy", "--max-length", "2")
    assert list(tmp_path.iterdir()) == [texts]
    (tmp_path / "folder.npy").mkdir()
    assert "is a folder" in refused(2, "encode", artifact, texts, "-o", tmp_path / "folder.npy")


def test_the_progress_bar_shows_rate_and_remaining_time_on_a_terminal(
    artifact: Path, texts: Path, tmp_path: Path
) -> None:
    shown = drawn_on_terminal(command("encode", artifact, texts, "-o", tmp_path / "out.npy"))
    last = shown.rstrip().split("\r")[-1]
    assert last.startswith("100% [" + "#" * 30 + f"] {len(LINES)}/{len(LINES)} texts, ")
    assert last.endswith("texts/s, 0 s left")


def test_the_progress_bar_moves_within_one_group_of_long_texts(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("".join(f"{number} " + "gene " * 150 + "\n" for number in range(1000)))
    arguments = command("encode", artifact, tmp_path / "in.txt", "-o", tmp_path / "out.npy", "-j", 1)
    states = drawn_on_terminal(arguments).split("\r")
    shares = {found[1] for state in states if (found := re.match(r" *(\d+)% \[", state))} - {"0", "100"}
    assert len(shares) >= 2, states


@pytest.mark.parametrize("columns", [15, 40, 200])
def test_the_progress_bar_fits_the_terminal(artifact: Path, texts: Path, tmp_path: Path, columns: int) -> None:
    arguments = command("encode", artifact, texts, "-o", tmp_path / "out.npy")
    states = drawn_on_terminal(arguments, columns=columns).rstrip().split("\r")
    assert max(map(len, states)) < columns
    assert states[-1].startswith("100%") and (columns > 20 or states[-1] == "100%")


@pytest.mark.parametrize("option", ["--quiet", "-q"])
def test_a_quiet_run_says_nothing(artifact: Path, texts: Path, tmp_path: Path, option: str) -> None:
    arguments = command("encode", artifact, texts, "-o", tmp_path / "out.npy", option)
    assert drawn_on_terminal(arguments) == ""
    done = run("encode", artifact, texts, "-o", tmp_path / "out.npy", option)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert b"were cut" in run("encode", artifact, texts, "-o", tmp_path / "out.npy", option, "--max-length=9").stderr


def test_a_terminal_that_is_dumb_gets_no_bar(artifact: Path, texts: Path, tmp_path: Path) -> None:
    arguments = command("encode", artifact, texts, "-o", tmp_path / "out.npy")
    assert drawn_on_terminal(arguments, TERM="dumb") == ""


@pytest.mark.parametrize("name", ["encode", "compare", "similarity"])
def test_where_stderr_is_no_terminal_a_line_says_now_and_then_how_far_it_is(
    artifact: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_progress, "LINE_EVERY_S", 0.0)
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"gene {number}\n" for number in range(1100)))
    arguments = {
        "encode": ("encode", artifact, texts, "-o", tmp_path / "out.npy"),
        "compare": ("compare", artifact, artifact, "--texts", texts),
        "similarity": ("similarity", artifact, texts),
    }
    assert main([*map(str, arguments[name])]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert any(re.fullmatch(r"biobert-onnx: progress: \d+%, [\d,]+/1,100 texts, .* left", line) for line in lines)
    assert all(line.startswith("biobert-onnx: progress: ") for line in lines)
    if name == "encode":
        assert main([*map(str, arguments[name]), "--quiet"]) == 0
        assert capsys.readouterr().err == ""


def test_a_short_run_shows_nothing_where_stderr_is_no_terminal(artifact: Path, texts: Path, tmp_path: Path) -> None:
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
