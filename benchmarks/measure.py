"""Measures every contender on a subject and writes benchmarks/results/peers/NAME.json; rendering is another program.

    python -m benchmarks.measure [--quick] [--checkpoint FOLDER] [--corpus FILE] [--only NAME ...]

Without --checkpoint: the real all-MiniLM-L6-v2 and the stand-in of BioBERT's geometry; --quick takes the former alone.
Contenders take turns in random order, one process each; raw samples are kept. A contender whose vectors are not the
reference's gets no speed figures.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.bench import ENTRIES, Bench, Effort, Record, say
from benchmarks.harness.correctness import check_vectors
from benchmarks.harness.subjects import Subject
from benchmarks.harness.timings import (
    PART,
    choose_settings,
    take_memory,
    time_corpus,
    time_corpus_sizes,
    time_latency,
    time_lengths,
    time_starts,
    time_threads,
)
from benchmarks.harness.worker import WorkerError, contender_folder
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.minilm import minilm_checkpoint
from benchmarks.machine.environment import environment
from benchmarks.machine.installed import installed_bytes
from benchmarks.peers.bounds import BOUNDS, PRODUCTS
from benchmarks.peers.contenders import CONTENDERS, REFERENCE
from benchmarks.standin import write_standin
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx_export.reference.texts import TextSets

RESULTS = Path(__file__).parent / "results" / "peers"
CORPUS_SIZES = (1000, 10_000, 100_000)

FULL = {
    "all-MiniLM-L6-v2": Effort(
        corpus=1000, fidelity=100, length_tokens=2048, rounds=3, starts=3, corpus_sizes=CORPUS_SIZES
    )
}
FULL_DEFAULT = Effort(corpus=400, fidelity=60, length_tokens=1024, rounds=3, starts=3, corpus_sizes=CORPUS_SIZES)
QUICK = Effort(corpus=150, fidelity=20, length_tokens=512, rounds=1, starts=1, corpus_sizes=CORPUS_SIZES[:1])


def measure(subject: Subject, names: Sequence[str], corpus: Sequence[str], effort: Effort) -> Record:
    """The record of one subject: every contender's figures, or why it has none."""
    subject.write_reference_graph()
    rounds = effort.rounds
    with Bench(subject, [*names, *BOUNDS], threads=usable_cpus()) as bench:
        for name in bench.records:  # in the order of the table: some use the files of one before
            bench.each(lambda name, record: prepare(bench, name, record), [name], title="preparing")
        time_starts(bench, [*names, *BOUNDS], effort.starts)
        check_vectors(bench, fidelity_texts(effort.fidelity), names)
        timed = [*names, PRODUCTS]
        choose_settings(bench, timed, corpus, rounds)
        time_corpus(bench, timed, corpus, rounds)
        take_memory(bench, names, corpus)
        time_lengths(bench, timed, corpus, effort.length_tokens, rounds)
        time_latency(bench, names, corpus, rounds)
        time_threads(bench, timed, corpus, rounds)
        time_corpus_sizes(bench, effort.corpus_sizes)
    tokens = sum(len(encoding.ids) for encoding in subject.tokenizer().encode_batch(list(corpus)))
    part = subject.tokenizer().encode_batch(list(corpus[: len(corpus) // PART]))
    return {
        "subject": subject.name,
        "geometry": {"layers": subject.layers, "dim": subject.dim, "heads": subject.heads},
        "threads": bench.threads,
        "corpus": {"texts": len(corpus), "tokens": tokens, "part_tokens": sum(len(found.ids) for found in part)},
        "length_tokens": effort.length_tokens,
        "bounds": {name: bench.records.pop(name) for name in BOUNDS},
        "contenders": bench.records,
    }


def prepare(bench: Bench, name: str, record: Record) -> None:
    """Make the contender's files in a process of its own; records seconds, bytes, and bytes of what it installs."""
    record["installed_bytes"] = installed_bytes(ENTRIES[name].installs)
    shared = bench.records.get(ENTRIES[name].files_of or "")
    if shared:
        record |= {key: shared[key] for key in ("export_seconds", "artifact_bytes")}
        return
    folder = contender_folder(bench.subject, name)
    folder.mkdir()
    begin = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.harness.prepare", name, bench.subject.work]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise WorkerError(f"prepare: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    record["export_seconds"] = time.perf_counter() - begin
    files = [path for path in folder.rglob("*") if path.is_file()]
    files = files or list(Path(bench.subject.checkpoint).glob("*.safetensors"))
    record["artifact_bytes"] = sum(path.stat().st_size for path in files)


def fidelity_texts(count: int) -> list[str]:
    """Texts that neither this project nor NNCF was calibrated on."""
    return list(TextSets.read(None).reports["report"])[:count]


def main() -> None:
    """Measure what the command line asks for and write one record a subject."""
    options = _options()
    names = [name for name in CONTENDERS if name == REFERENCE or name in options.only]
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, checkpoint in subjects(options.checkpoint, Path(scratch), quick=options.quick):
            effort = QUICK if options.quick else FULL.get(name, FULL_DEFAULT)
            texts = options.corpus.read_text(encoding="utf-8").splitlines() if options.corpus else None
            corpus = (texts or pubmed_like_texts(effort.corpus))[: effort.corpus]
            subject = Subject.prepare(name, checkpoint, Path(scratch) / f"work-{name}")
            record = {"environment": environment(), "quick": options.quick}
            record |= measure(subject, names, corpus, effort)
            path = options.output / f"{name}.json"
            path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            say(f"wrote {path}\n")
            shutil.rmtree(subject.work)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few texts and rounds: does everything run?")
    parser.add_argument("--checkpoint", type=Path, help="a BERT checkpoint's folder, in place of the two subjects")
    parser.add_argument("--corpus", type=Path, help="texts to encode, one a line (default: made from bundled text)")
    parser.add_argument("--only", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the records")
    return parser.parse_args()


def subjects(checkpoint: Path | None, scratch: Path, *, quick: bool) -> list[tuple[str, Path]]:
    """Name and folder of each checkpoint to measure."""
    if checkpoint is not None:
        return [(checkpoint.absolute().name, checkpoint.absolute())]
    minilm = ("all-MiniLM-L6-v2", minilm_checkpoint(scratch).resolve())
    if quick:
        return [minilm]
    write_standin(scratch / "standin")
    return [minilm, ("standin", scratch / "standin")]


if __name__ == "__main__":
    main()
