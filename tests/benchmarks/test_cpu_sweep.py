"""The sweep over numbers of CPUs measures each in processes of their own, and the report shows all of it."""

import os
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig

from benchmarks import threads
from benchmarks.harness.subjects import MAX_LENGTH, Subject
from benchmarks.harness.timings import REPEATS
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.machine.environment import environment
from benchmarks.peers.bounds import PRODUCTS
from benchmarks.peers.contenders import OURS, OURS_ONNXRUNTIME
from benchmarks.report.cpu_sweep import cpu_sweep, names_with_figures, sweep_name
from benchmarks.standin import write_standin
from biobert_onnx.encoding.cpus import usable_cpus
from tests.support.checkpoints import TINY
from tests.support.engines import needs_kernels

pytestmark = needs_kernels

ENGINES = [OURS, OURS_ONNXRUNTIME]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of both engines on a tiny checkpoint, one round."""
    folder = tmp_path_factory.mktemp("sweep")
    write_standin(folder / "tiny", BertConfig(**TINY.to_diff_dict() | {"max_position_embeddings": MAX_LENGTH}))
    subject = Subject.prepare("tiny", folder / "tiny", folder / "work")
    corpus = pubmed_like_texts(40)
    return {"environment": environment(), **subject.facts(), **threads.measure(subject, ENGINES, corpus, 1)}


def test_each_number_of_cpus_has_samples_of_everything(record: dict[str, Any]) -> None:
    assert list(record["by_cpus"]) == [str(count) for count in threads.cpu_counts(usable_cpus())]
    for contenders in record["by_cpus"].values():
        assert list(contenders) == [*ENGINES, PRODUCTS]
        for contender in contenders.values():
            assert "failure" not in contender
            assert len(contender["throughput_seconds"]) == len(contender["memory"]) == 1
            assert {len(found) for found in contender["latency_seconds"].values()} == {REPEATS}


def test_a_record_says_which_cpu_it_is_of(record: dict[str, Any]) -> None:
    found = record["environment"]
    assert found["cores"] == os.cpu_count()
    assert sweep_name(record) == f"tiny-{found['kernel']}"


def test_the_report_shows_every_contender_with_every_number_of_cpus(record: dict[str, Any]) -> None:
    lines = list(cpu_sweep([record]))
    rows = [line for line in lines if line.startswith(f"| {OURS} |")]
    assert {row.count("|") - 2 for row in rows} == {len(record["by_cpus"])}
    assert len(rows) == len([line for line in lines if line.startswith(f"| {OURS_ONNXRUNTIME} |")]) == 5
    assert len([line for line in lines if line.startswith(f"| {PRODUCTS} |")]) == 1


def test_a_contender_that_failed_with_some_cpus_is_named_with_the_reason(record: dict[str, Any]) -> None:
    (first, found), *rest = record["by_cpus"].items()
    failed = {**found, OURS: {**found[OURS], "failure": "it broke"}}
    changed = {**record, "by_cpus": {first: failed, **dict(rest)}}
    assert OURS not in names_with_figures(changed)
    assert f"{OURS} has no figures with 1 CPU: it broke." in "\n".join(cpu_sweep([changed]))


def test_kinds_of_cpus_without_a_record_are_marked(record: dict[str, Any]) -> None:
    all_missing = "**To be run on: AVX2, AVX-VNNI, AVX-512 VNNI, AMX, aarch64.**"
    assert all_missing in "\n".join(cpu_sweep([]))
    assert all_missing not in "\n".join(cpu_sweep([record]))


def test_the_plot_shows_every_contender(record: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="only the extra 'benchmark' installs matplotlib")
    from benchmarks.report.plots import write_sweep_plot

    write_sweep_plot(record, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{sweep_name(record)}-threads-{style}.svg" for style in ("light", "dark")
    }
    for path in tmp_path.iterdir():
        assert [name for name in ENGINES if name not in path.read_text(encoding="utf-8")] == []
