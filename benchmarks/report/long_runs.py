"""The figures of docs/systems.md: hours of work in minutes, under load and with many texts."""

from collections.abc import Iterator, Sequence

from benchmarks.report.samples import MEBIBYTE_IN_KIB, Record, markdown_table


def load_table(records: Sequence[Record]) -> Iterator[str]:
    """Yield what `benchmarks.load` found, line by line, a column an engine."""
    rows = {
        "time": [f"{record['seconds']:,.0f} s" for record in records],
        "calls": [f"{record['calls']:,}" for record in records],
        "vectors": [f"{record['rows']:,}" for record in records],
        "vectors with a wrong bit": [f"{record['wrong_rows'] + record['wrong_forks']:,}" for record in records],
        "encoders opened and closed": [f"{record['opened']:,}" for record in records],
        "processes forked, hung": [f"{record['forks']:,}, {record['hung_forks']:,}" for record in records],
        "threads and file descriptors left": [_left(record) for record in records],
        "anonymous memory of all processes, second tenth of the time": [
            _mebibytes(record["anonymous_kib"]["second_tenth"]) for record in records
        ],
        "the same, last tenth": [_mebibytes(record["anonymous_kib"]["last_tenth"]) for record in records],
        "`encode` ended by SIGTERM, slowest": [_ended(record["commands_ended_s"]) for record in records],
    }
    yield from markdown_table(
        "", [_run(record) for record in records], ([title, *cells] for title, cells in rows.items())
    )


def _left(record: Record) -> str:
    """Return how many more there are in any process than before its first encoder."""
    more = {
        name: max(process["after"][name] - process["before"][name] for process in record["processes"])
        for name in ("threads", "files")
    }
    return f"{max(0, more['threads'])} and {max(0, more['files'])}"


def _ended(seconds: Sequence[float]) -> str:
    return f"{len(seconds)} times, {max(seconds):.2f} s"


def soak_table(records: Sequence[Record]) -> Iterator[str]:
    """Yield the resident memory of `encode` on many texts, line by line, a row a run."""
    rows = [
        [
            _run(record),
            f"{record['texts']:,}",
            f"{record['seconds']:,.0f} s",
            _mebibytes(record["resident"]["median_of_second_tenth"]),
            _mebibytes(record["resident"]["greatest_after_first_tenth"]),
        ]
        for record in records
    ]
    columns = ("texts", "time", "resident memory, second tenth of the time", "the most after the first tenth")
    yield from markdown_table("engine", columns, rows)


def _run(record: Record) -> str:
    environment = record["environment"]
    return f"{record['engine']}, {environment['cpu']} {environment['cpu_family_model']}, {environment['date']}"


def _mebibytes(kibibytes: float) -> str:
    return f"{kibibytes / MEBIBYTE_IN_KIB:,.1f} MiB"
