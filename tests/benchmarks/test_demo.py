"""The demo as a program: it shows what it promises, and removes nothing but the artifact that it made itself."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.demo import MADE_BY_DEMO, OUTPUT
from tests.support.checkpoints import DIM

PROJECT = Path(__file__).parents[2]
CHECKPOINT = OUTPUT / "mine"
ARTIFACT = OUTPUT / "mine-int8"

Demo = subprocess.CompletedProcess[str]


def demo(folder: Path, checkpoint: Path | str) -> Demo:
    """Run the demo in the working directory `folder`."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.demo", "--checkpoint", str(checkpoint)]
    variables = {**os.environ, "PYTHONPATH": str(PROJECT), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=600)


def contents(folder: Path) -> dict[str, str]:
    """Each path below `folder` with what it is: a link's target, a file's sha256, or a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            kind = f"link to {path.readlink()}"
        else:
            kind = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        found[str(path.relative_to(folder))] = kind
    return found


@pytest.fixture(scope="module")
def after_demo(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Demo]:
    """A working directory in which the demo has run on a checkpoint that lies in build/demo, and its output."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(tiny_checkpoint, folder / CHECKPOINT)
    (folder / OUTPUT / "notes.txt").write_text("the user's own", encoding="utf-8")
    before = contents(folder)
    done = demo(folder, CHECKPOINT)
    assert done.returncode == 0, done.stderr
    assert contents(folder).items() >= before.items()
    return folder, done


@pytest.fixture
def folder(after_demo: tuple[Path, Demo], tmp_path: Path) -> Path:
    """A copy of that working directory."""
    return Path(shutil.copytree(after_demo[0], tmp_path / "copy", symlinks=True))


def test_the_demo_shows_costs_vectors_fidelity_and_speed(after_demo: tuple[Path, Demo]) -> None:
    printed = after_demo[1].stdout
    assert re.search(r"takes 1 to 5 minutes on 2 CPUs and up to [\d,]+ MB of disk; [\d,]+ MB stay\.", printed)
    assert f"embeddings (3, {DIM}) float32" in printed
    assert "fidelity to float32, recipe '" in printed
    assert len(re.findall(r"(?:int8 artifact|PyTorch float32): \d+ texts/s \(\d+ to \d+\)", printed)) == 2
    assert re.search(r"other processes: \d+\.\d of \d+ CPUs busy", printed)
    last_line = printed.splitlines()[-1]
    assert re.match(r"The int8 artifact is \d+\.\d\d times as fast as PyTorch \(|No ratio is given: ", last_line)


def test_the_demo_leaves_the_artifact_and_its_own_record_and_nothing_else(after_demo: tuple[Path, Demo]) -> None:
    names = {path.name for path in (after_demo[0] / OUTPUT).iterdir()}
    assert names == {CHECKPOINT.name, ARTIFACT.name, MADE_BY_DEMO, "notes.txt"}


def test_a_second_demo_replaces_the_artifact_and_keeps_a_checkpoint_that_it_reads_through_a_link(folder: Path) -> None:
    before = contents(folder)
    first = (folder / ARTIFACT).stat().st_ino
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "mine").symlink_to(folder / CHECKPOINT)
    done = demo(folder, Path("elsewhere") / "mine")
    assert done.returncode == 0, done.stderr
    assert (folder / ARTIFACT).stat().st_ino != first
    after = contents(folder)
    assert {name: after[name] for name in before} == before


def assert_refused(folder: Path, checkpoint: Path | str, message: str) -> None:
    """Run the demo, and see that it says `message` in one line and changes nothing."""
    before = contents(folder)
    done = demo(folder, checkpoint)
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("demo: error: ")
    assert message in line
    assert contents(folder) == before


@pytest.mark.parametrize("checkpoint", ["/nope", "build/demo/nope", "build/demo/notes.txt"])
def test_a_path_that_is_no_folder_changes_nothing(folder: Path, checkpoint: str) -> None:
    assert_refused(folder, checkpoint, f"there is no checkpoint folder at '{checkpoint}'")


def test_a_checkpoint_that_cannot_be_read_keeps_the_artifact_of_the_demo_before(folder: Path) -> None:
    (folder / CHECKPOINT / "config.json").write_text("{}", encoding="utf-8")
    assert_refused(folder, CHECKPOINT, "config.json")


def test_an_artifact_of_the_demo_to_which_somebody_added_a_file_stays(folder: Path) -> None:
    shutil.copy(folder / CHECKPOINT / "model.safetensors", folder / ARTIFACT)
    assert_refused(folder, CHECKPOINT, "holds 'model.safetensors', which the demo did not make")


def test_a_checkpoint_inside_the_artifact_stays(folder: Path) -> None:
    (folder / CHECKPOINT).rename(folder / ARTIFACT / "mine")
    assert_refused(folder, ARTIFACT / "mine", "holds 'mine/config.json', which the demo did not make")


def test_an_artifact_that_the_demo_did_not_make_stays(folder: Path) -> None:
    (folder / OUTPUT / MADE_BY_DEMO).unlink()
    assert_refused(folder, CHECKPOINT, "the demo did not make it")


def test_a_checkpoint_of_the_artifacts_name_stays(folder: Path) -> None:
    shutil.rmtree(folder / ARTIFACT)
    shutil.copytree(folder / CHECKPOINT, folder / ARTIFACT)
    assert_refused(folder, CHECKPOINT, "the demo did not make it")


def test_a_link_of_the_artifacts_name_to_the_checkpoint_stays(folder: Path) -> None:
    shutil.rmtree(folder / ARTIFACT)
    (folder / ARTIFACT).symlink_to(folder / CHECKPOINT)
    assert_refused(folder, CHECKPOINT, "the demo did not make it")


def test_a_link_to_the_artifact_that_the_demo_made_stays(folder: Path) -> None:
    (folder / ARTIFACT).rename(folder / "moved")
    (folder / ARTIFACT).symlink_to(folder / "moved")
    assert_refused(folder, CHECKPOINT, "the demo did not make it")
