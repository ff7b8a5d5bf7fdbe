"""The program `quality` compares contenders on a file of texts, and is told apart from the program `judged_pairs`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.peers.contenders import REFERENCE

BFLOAT16 = "PyTorch bfloat16"
PROJECT = Path(__file__).parents[2]


def run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in the checkout, as its users do."""
    command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{program}", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=600)


def test_a_users_texts_are_compared_in_a_table_and_a_record(tiny_checkpoint: Path, tmp_path: Path) -> None:
    texts, record = tmp_path / "texts.txt", tmp_path / "record.json"
    texts.write_text("\n".join([*pubmed_like_texts(12), ""]), encoding="utf-8")
    options = ["--checkpoint", str(tiny_checkpoint), "--only", BFLOAT16, "--record", str(record)]
    done = run("quality", "--texts", str(texts), *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Agreement with PyTorch float32: tiny, 12 texts of '{texts}'\n")
    found = json.loads(record.read_text(encoding="utf-8"))
    assert list(found["contenders"]) == [REFERENCE, BFLOAT16]
    assert found["corpus"]["texts"] == 12
    assert found["contenders"][REFERENCE]["agreement"]["neighbours_kept"] == 1
    assert 0.99 < found["contenders"][BFLOAT16]["agreement"]["cosine_min"] < 1
    for name, contender in found["contenders"].items():
        (row,) = [line for line in done.stdout.splitlines() if line.startswith(f"{name} ") and "%" in line]
        kept, correlation = (contender["agreement"][key] for key in ("neighbours_kept", "rank_correlation"))
        assert row.split()[-3:] == [f"{100 * kept:.1f}", "%", f"{correlation:.4f}"]


def test_a_record_without_a_folder_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    done = run("quality", "--texts", str(tmp_path / "texts.txt"), "--record", str(tmp_path / "none" / "record.json"))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"quality: error: --record '{tmp_path}/none/record.json' is no path of a file in an existing folder"
    ]


@pytest.mark.parametrize(("program", "other"), [("quality", "judged_pairs"), ("judged_pairs", "quality")])
def test_the_help_of_each_program_names_the_one_for_the_other_job(program: str, other: str) -> None:
    assert f"python -m benchmarks.{other}" in run(program, "--help").stdout
