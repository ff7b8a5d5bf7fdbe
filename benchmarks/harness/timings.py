"""Timings and memory of every contender; each function adds raw samples to the records."""

from collections.abc import Iterator, Sequence

from benchmarks.harness.bench import ALL_ENTRIES, Bench, Record, stream_counts
from benchmarks.harness.worker import Worker
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.peers.contenders import OURS

BATCHES = (4, 8, 16, 32)
"""Batch sizes that the sweep tries."""

SWEEP_DIVISOR = 8
"""The sweep takes the first 1/8 of the corpus."""

PART_DIVISOR = 4
"""Memory takes the first 1/4 of the corpus."""

LENGTHS = (16, 32, 64, 128, 256, 512)
"""Tokens of the texts whose latency and throughput are measured by length."""

REPEATS = 3
"""Calls of one text in one turn. With all threads, latency has twice the rounds of the longer measures."""

LONG_CALL_S = 1.0
"""A text that takes longer is called once in a turn: its samples differ little, and they would take most of the run."""

QUICK_START_S = 2.0
QUICK_ROUNDS = 10
"""Contenders that start within so many seconds take so many rounds more: their starts are alike, and cost little."""


def thread_counts(bench: Bench) -> tuple[int, ...]:
    """Return the numbers of threads of the measures by length: one, and all."""
    return tuple(dict.fromkeys((1, bench.threads)))


def time_starts(bench: Bench, names: Sequence[str], starts: int) -> None:
    """Record the seconds from the start of a process to its first vector, and its memory beside a first process."""

    def start(name: str, record: Record) -> None:
        bench.worker(name)  # the first process, which goes on to the other measures
        second = bench.new_worker(name)
        record.setdefault("cold_starts", []).append(second.start)
        record.setdefault("second_process", []).append(second.memory())
        second.close()

    bench.each(start, names, rounds=starts, title="cold start")
    bench.each(start, _quick(bench, names), rounds=QUICK_ROUNDS, title="cold start, quick ones")


def _quick(bench: Bench, names: Sequence[str]) -> list[str]:
    started = {name: bench.records[name].get("cold_starts") for name in names}
    return [name for name, found in started.items() if found and max(each["total"] for each in found) < QUICK_START_S]


def choose_settings(bench: Bench, names: Sequence[str], corpus: Sequence[str], rounds: int) -> None:
    """Record every sample of a sweep over streams and batch sizes on part of the corpus, and the best setting.

    The least sample of each setting decides, because other work on the machine can only make a sample longer.
    """
    sample = corpus[: len(corpus) // SWEEP_DIVISOR]

    def sweep(name: str, record: Record) -> None:
        samples = record.setdefault("sweep", [{**setting, "seconds": []} for setting in _settings(bench, name)])
        for tried in samples:
            worker = bench.worker(name, streams=tried["streams"])
            tried["seconds"] += worker.seconds(sample, batch=tried["batch"])
        best = min(samples, key=lambda tried: min(tried["seconds"]))
        record["setting"] = {"streams": best["streams"], "batch": best["batch"]}

    bench.each(sweep, names, rounds=rounds, title="settings")


def _settings(bench: Bench, name: str) -> Iterator[dict[str, int | None]]:
    contender = ALL_ENTRIES[name]
    for streams in stream_counts(contender, bench.threads):
        for batch in BATCHES if contender.batched else (None,):
            yield {"streams": streams, "batch": batch}


def time_corpus(bench: Bench, names: Sequence[str], corpus: Sequence[str], rounds: int) -> None:
    """Record the seconds of the whole corpus."""

    def encode(name: str, record: Record) -> None:
        setting = record["setting"]
        worker = bench.worker(name, streams=setting["streams"])
        record.setdefault("throughput_seconds", []).extend(worker.seconds(corpus, batch=setting["batch"]))

    bench.each(encode, names, rounds=rounds, title="throughput")


def take_memory(bench: Bench, names: Sequence[str], corpus: Sequence[str]) -> None:
    """Record the memory of a new process that encodes part of the corpus and does nothing else."""

    def encode(name: str, record: Record) -> None:
        setting = record["setting"]
        with bench.new_worker(name, streams=setting["streams"]) as worker:
            worker.seconds(corpus[: len(corpus) // PART_DIVISOR], batch=setting["batch"])
            record["memory"] = worker.memory()

    bench.each(encode, names, title="memory")


def time_lengths(bench: Bench, names: Sequence[str], corpus: Sequence[str], tokens: int, rounds: int) -> None:
    """Record the seconds of `tokens` tokens in texts of one length, for every length, with one thread and with all."""
    texts = {length: bench.subject.texts_of_length(length, max(1, tokens // length), corpus) for length in LENGTHS}
    for threads in thread_counts(bench):

        def encode(name: str, record: Record, threads: int = threads) -> None:
            streams, batch = min(record["setting"]["streams"], threads), record["setting"]["batch"]
            worker = bench.worker(name, streams=streams, threads=threads)
            seconds = _by_length(record, "length_seconds", threads)
            for length in LENGTHS:
                per_stream = max(1, len(texts[length]) // streams)  # every stream gets a batch
                seconds[str(length)] += worker.seconds(texts[length], batch=batch and min(batch, per_stream))

        bench.each(encode, names, rounds=rounds, title=f"throughput by length, threads: {threads}")


def time_latency(bench: Bench, names: Sequence[str], corpus: Sequence[str], rounds: int) -> None:
    """Record the seconds of one text alone, by its number of tokens, with one thread and with all."""
    texts = {length: bench.subject.texts_of_length(length, 1, corpus) for length in LENGTHS}
    for threads in thread_counts(bench):

        def encode(name: str, record: Record, threads: int = threads) -> None:
            worker = bench.worker(name, threads=threads)
            seconds = _by_length(record, "latency_seconds", threads)
            for length in LENGTHS:
                seconds[str(length)] += time_calls(worker, texts[length])

        turns = 2 * rounds if threads == bench.threads else rounds
        bench.each(encode, names, rounds=turns, title=f"latency, threads: {threads}")


def time_calls(worker: Worker, text: Sequence[str]) -> list[float]:
    """Return the seconds of one text alone in the calls of one turn; the first call is left out."""
    (first,) = worker.seconds(text, batch=1)
    return worker.seconds(text, batch=1, repeats=1 if first > LONG_CALL_S else REPEATS)


def _by_length(record: Record, measure: str, threads: int) -> dict[str, list[float]]:
    """Return the samples of `measure` with `threads` threads by length, in the record."""
    by_threads: dict[str, dict[str, list[float]]] = record.setdefault(measure, {})
    return by_threads.setdefault(str(threads), {str(length): [] for length in LENGTHS})


def time_corpus_sizes(bench: Bench, sizes: Sequence[int]) -> None:
    """Record seconds and memory of this project's encoder, a new process for each number of texts."""
    for size in sizes:
        texts = pubmed_like_texts(size, seed=size)

        def encode(name: str, record: Record, texts: list[str] = texts) -> None:
            with bench.new_worker(name) as worker:
                (seconds,) = worker.seconds(texts, batch=None)
                measured = {"seconds": seconds, **worker.memory()}
            record.setdefault("corpus_sizes", {})[str(len(texts))] = measured

        bench.each(encode, [OURS], title=f"{size} texts")
