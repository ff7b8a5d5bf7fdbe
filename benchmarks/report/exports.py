"""The figures of docs/export.md: what an export of BERT-base takes, and how much faster cls pooling is."""

from benchmarks.peers.contenders import OURS, OURS_FLOAT
from benchmarks.report.captions import headline
from benchmarks.report.samples import MEBIBYTE, Record, median


def export_line(record: Record) -> str:
    """Return sizes and seconds of the exports of one record of the peers."""
    int8, float32 = (record["contenders"][name] for name in (OURS, OURS_FLOAT))
    sizes = [contender["artifact_bytes"] / MEBIBYTE for contender in (int8, float32)]
    seconds = [contender["export_seconds"] for contender in (int8, float32)]
    return (
        f"The artifact of {headline(record)}, the size of BERT-base, has {sizes[0]:.0f} MiB in int8 and {sizes[1]:.0f} "
        f"MiB in float32. Its export took {seconds[0]:.0f} s in int8 and {seconds[1]:.0f} s in float32, on the machine "
        "of the [benchmarks](../benchmarks/README.md). Two exports of one checkpoint give the same bytes."
    )


def pooling_line(record: Record) -> str:
    """Return how much faster cls pooling is than mean pooling, by a record of `benchmarks.exports pooling`."""
    ratios = {
        engine: median([mean / cls for mean, cls in zip(samples["mean"], samples["cls"], strict=True)])
        for engine, samples in record["seconds"].items()
    }
    words = " and ".join(f"{ratio:.2f} times as fast with `{engine}`" for engine, ratio in ratios.items())
    return (
        "`cls` and `pooler` compute only what the token [CLS] needs of the last layer. On the six layers of "
        f"all-MiniLM-L6-v2, cls pooling was {words} as mean pooling (`python -m benchmarks.exports pooling "
        "CHECKPOINT`, in the checkout)."
    )
