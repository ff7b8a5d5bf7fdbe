"""What lies at a path: absent is said only of what is known to be absent, on every Python."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from biobert_onnx import ArtifactError
from biobert_onnx._atomic_files import atomic_file, atomic_folder
from biobert_onnx._file_status import exists, file_mode, is_file, is_folder, is_link
from biobert_onnx.catalog import published  # noqa: F401  # `verify` imports it, which nobody may do here
from biobert_onnx.catalog.names import find_artifact
from biobert_onnx.cli.main import main
from biobert_onnx.files.formats import check_source
from biobert_onnx.kernels.library import KernelsUnavailableError, load_library
from biobert_onnx.serving.settings import artifacts_in
from tests.support.systems import needs_pipes, needs_users
from tests.support.users import any_user

QUESTIONS: list[Callable[[Path], object]] = [file_mode, exists, is_file, is_folder, is_link]


def answers(path: Path) -> tuple[bool, ...]:
    return exists(path), exists(path, follow_links=False), is_file(path), is_folder(path), is_link(path)


def test_files_folders_and_links_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert answers(tmp_path / "file") == (True, True, True, False, False)
    assert answers(tmp_path) == (True, True, False, True, False)


@needs_pipes
def test_links_and_pipes_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    assert answers(tmp_path / "pipe") == (True, True, False, False, False)
    for name, target in {"to-file": "file", "to-folder": ".", "to-nothing": "absent", "to-itself": "to-itself"}.items():
        (tmp_path / name).symlink_to(target)
    assert answers(tmp_path / "to-file") == (True, True, True, False, True)
    assert answers(tmp_path / "to-folder") == (True, True, False, True, True)
    assert answers(tmp_path / "to-nothing") == answers(tmp_path / "to-itself") == (False, True, False, False, True)


@pytest.mark.parametrize("name", ["absent", "file/below", "absent/below", "x" * 300, "a\0b", "\ud800"])
def test_what_cannot_be_there_is_absent(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert file_mode(tmp_path / name) is None
    assert answers(tmp_path / name) == (False,) * 5


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that no other user than its owner may enter, in one that all may."""
    with tempfile.TemporaryDirectory(prefix="biobert-onnx-") as place:
        Path(place).chmod(0o755)
        folder = Path(place) / "closed"
        folder.mkdir()
        for name in ("texts.txt", "vectors.npy", "manifest.json", "library.so"):
            (folder / name).touch()
        folder.chmod(0)
        yield folder
        folder.chmod(0o700)


@needs_users
@pytest.mark.parametrize("ask", QUESTIONS, ids=lambda ask: ask.__name__)
@pytest.mark.parametrize("name", ["texts.txt", "absent"])
def test_what_cannot_be_known_is_an_error(closed: Path, ask: Callable[[Path], object], name: str) -> None:
    with any_user(), pytest.raises(PermissionError):
        ask(closed / name)


def a_source(closed: Path) -> None:
    check_source(str(closed / "texts.txt"))


def a_setting(closed: Path) -> None:
    artifacts_in(f"{closed}/a=b")


def an_output(closed: Path) -> None:
    with atomic_file(closed / "out"):
        pytest.fail("there is a file to write into")


def a_folder_of_output(closed: Path) -> None:
    with atomic_folder(closed / "out"):
        pytest.fail("there is a folder to write into")


@needs_users
@pytest.mark.parametrize("use", [a_source, a_setting, an_output, a_folder_of_output])
def test_no_permission_is_not_taken_for_no_file(closed: Path, use: Callable[[Path], None]) -> None:
    with any_user(), pytest.raises(PermissionError):
        use(closed)


@needs_users
def test_no_permission_to_look_for_an_artifact_or_the_kernels_is_the_reason_that_is_told(closed: Path) -> None:
    with any_user():
        with pytest.raises(ArtifactError, match=r"manifest\.json' cannot be read \(.*\): change its permissions"):
            find_artifact(closed)
        with pytest.raises(KernelsUnavailableError, match=r"library\.so' cannot be loaded \("):
            load_library.__wrapped__(closed / "library.so")


@pytest.fixture(params=["as in this Python", "as in Python 3.14"])
def methods(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The methods of paths as they are, or as they are from Python 3.14 on: those of os.path."""
    if request.param == "as in Python 3.14":
        for name, function in (("exists", os.path.exists), ("is_file", os.path.isfile), ("is_dir", os.path.isdir)):
            monkeypatch.setattr(Path, name, lambda path, ask=function: ask(path))


@needs_users
@pytest.mark.usefixtures("methods")
@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "{closed}/artifact"),
        ("verify", "{closed}"),
        ("encode", "{closed}", "-", "-o", "out.npy"),
        ("encode", "{here}", "{closed}/texts.txt", "-o", "{here}/out.npy"),
        ("encode", "{here}", "-", "-o", "{closed}/out.npy"),
        ("compare", "{closed}/vectors.npy", "{here}", "--texts", "{here}/texts.txt"),
        ("compare", "{closed}/artifact", "{here}", "--texts", "{here}/texts.txt"),
    ],
)
def test_the_command_says_permission_and_not_absence(
    closed: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (closed.parent / "texts.txt").write_text("a\nb\nc\n", encoding="utf-8")
    filled = [argument.format(closed=closed, here=closed.parent) for argument in arguments]
    with any_user():
        assert main(filled) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert os.strerror(errno.EACCES) in line and str(closed) in line, line
