"""Completion: what each shell makes of keys, with the script that the command prints."""

import os
import pty
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from biobert_onnx.cli.completion import FILES, FOLDERS, SHELLS, arguments_of
from biobert_onnx.cli.main import COMMANDS, main, parser_of_all
from tests.runtime.cli.command import ENVIRONMENT, read, refused

WITHOUT_COMPLETION = {
    *("BRANCH", "C", "KEY", "MODE[+MODE]", "N", "NAME", "NAME=PATH", "PROGRAM", "REPO", "S", "SHELL"),
    *("TEXT", "VERSION", "X", None),
}
"""The metavars of arguments that are neither files nor folders."""

RECORD = """
source {script}
biobert-onnx() {{ printf '%s\\n' "$@" > {record}; }}
"""

needs_shtab = pytest.mark.skipif(find_spec("shtab") is None, reason="needs the extra 'completion'")


def script(shell: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["completion", shell]) == 0
    path = folder / f"script.{shell}"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    return path


def typed_in_bash(keys: str, script: Path, folder: Path) -> list[str]:
    """The arguments that the command gets when `keys` are typed in the folder, on a terminal."""
    record = folder.parent / "record"
    rc = folder.parent / "rc"
    rc.write_text(RECORD.format(script=script, record=record), encoding="utf-8")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "--noprofile", "--rcfile", str(rc), "-i"],
        cwd=folder,
        env={**ENVIRONMENT, "INPUTRC": "/dev/null", "HISTFILE": ""},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, f"biobert-onnx {keys}\nexit\n".encode())
    shown = b"".join(iter(lambda: read(ours), b""))
    os.close(ours)
    assert process.wait() == 0, shown
    return record.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an artifact's folder, and a file whose name begins as the folder's."""
    folder = tmp_path / "here"
    (folder / "my-artifact").mkdir(parents=True)
    (folder / "my-abstracts.txt").touch()
    return folder


@needs_shtab
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("keys", "arguments"),
    [
        ("enc\t", ["encode"]),
        ("sim\t", ["similarity"]),
        ("--ver\t", ["--version"]),
        ("encode --norm\t", ["encode", "--normalize"]),
        ("encode --missing sk\t", ["encode", "--missing", "skip"]),
        ("encode --engine onn\t", ["encode", "--engine", "onnxruntime"]),
        ("verify my-a\t", ["verify", "my-artifact/"]),
        ("encode my-artifact my-abs\t-o out.npy", ["encode", "my-artifact", "my-abstracts.txt", "-o", "out.npy"]),
        ("export a b --calibration my-abs\t", ["export", "a", "b", "--calibration", "my-abstracts.txt"]),
        ("completion z\t", ["completion", "zsh"]),
    ],
)
def test_bash_completes(
    keys: str, arguments: list[str], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed_in_bash(keys, script("bash", tmp_path, capsys), folder) == arguments


@needs_shtab
@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", set(COMMANDS)),
        ("encode --norm", {"--normalize"}),
        ("encode --missing ", {"stop", "empty", "skip"}),
        ("verify my-a", {"my-artifact/"}),
    ],
)
def test_fish_completes(
    line: str, found: set[str], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"source {script('fish', tmp_path, capsys)}; complete -C 'biobert-onnx {line}'"
    environment = {**ENVIRONMENT, "HOME": str(tmp_path)}
    done = subprocess.run(["fish", "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert {each.partition("\t")[0] for each in done.stdout.splitlines()} == found, done.stderr


@needs_shtab
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_accepts_its_script(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    done = subprocess.run([shell, "-n", str(script(shell, tmp_path, capsys))], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_of_every_argument_it_is_known_whether_it_is_a_file_or_a_folder() -> None:
    metavars = {argument.metavar for argument in arguments_of(parser_of_all())}
    assert metavars == FILES | FOLDERS | WITHOUT_COMPLETION


@pytest.mark.skipif(find_spec("shtab") is not None, reason="the extra 'completion' is installed here")
def test_without_its_extra_the_command_says_what_to_install() -> None:
    assert "completion needs the extra 'completion' (shtab is missing): pip install '.[completion]'" in refused(
        2, "completion", "bash"
    )
