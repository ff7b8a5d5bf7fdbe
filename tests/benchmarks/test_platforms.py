"""The table of docs/systems.md has a row for each recorded run."""

from typing import Any

from benchmarks.report.platforms import platforms_table
from benchmarks.results import read_records

HASH = "0123456789abcdef"


def run(**changes: Any) -> dict[str, Any]:
    """A run as a record has it."""
    return {
        "system": "Linux, glibc 2.36",
        "cpu": "a CPU",
        "python": "3.11.7",
        "versions": {"numpy": "2.4.6", "onnxruntime": "1.32.0", "tokenizers": "0.22.2"},
        "tests": {"passed": 10, "skipped": 2, "failed": 0},
        "seconds": 60,
        "vectors_sha256": {"kernels": HASH, "onnxruntime": HASH[::-1]},
        "note": "",
        **changes,
    }


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_kernels_gave_one_set_of_bits_wherever_they_ran() -> None:
    runs = [run for record in read_records("platforms") for run in record["runs"]]
    hashes = [run["vectors_sha256"]["kernels"] for run in runs if "kernels" in run["vectors_sha256"]]
    assert len(hashes) > 1
    assert len(set(hashes)) == 1


def test_each_run_has_a_row_with_its_versions_tests_and_bits() -> None:
    title, _, row = platforms_table([run(note="why")])
    assert dict(zip(cells(title), cells(row), strict=True)) == {
        "system": "Linux, glibc 2.36", "CPU": "a CPU", "Python": "3.11.7", "numpy": "2.4.6", "onnxruntime": "1.32.0",
        "tokenizers": "0.22.2", "tests": "10 passed, 2 skipped", "bits: kernels": "01234567",
        "bits: onnxruntime": "fedcba98", "note": "why",
    }  # fmt: skip


def test_failures_stand_out_and_a_run_without_tests_says_so() -> None:
    failed = run(tests={"passed": 9, "skipped": 0, "failed": 1})
    _, _, first, second = platforms_table([failed, run(tests=None)])
    assert "9 passed, **1 failed**" in cells(first)
    assert "vectors alone" in cells(second)


def test_runs_are_sorted_by_cpu_and_then_by_python() -> None:
    runs = [run(python="3.14.0"), run(cpu="another CPU", python="3.13.1"), run(python="3.9.2")]
    _, _, *rows = platforms_table(runs)
    assert [cells(row)[1:3] for row in rows] == [["a CPU", "3.9.2"], ["a CPU", "3.14.0"], ["another CPU", "3.13.1"]]


def test_a_package_that_only_some_runs_had_has_an_empty_cell_in_the_others() -> None:
    other = run(python="3.12.0", versions={"numpy": "2.4.6", "pandas": "2.3.3"})
    title, _, first, second = platforms_table([run(), other])
    column = cells(title).index("pandas")
    assert [cells(first)[column], cells(second)[column]] == ["", "2.3.3"]
