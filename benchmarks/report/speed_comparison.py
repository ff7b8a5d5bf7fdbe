"""Whether the speeds of two encoders, taken in alternating rounds, can be compared, and the sentences that say so."""

import statistics
from collections.abc import Mapping, Sequence

MAX_BUSY_SHARE = 0.1
"""Share of the CPUs in use that other processes may take. A tenth moves a ratio by about a tenth at most."""

MAX_SPREAD = 1.5
"""Longest over shortest round of one encoder. On an idle machine it was at most 1.15 in the committed records."""


def reason_for_doubt(
    seconds: Mapping[str, Sequence[float]], *, busy_cpus: float, cpus: int, threads: int
) -> str | None:
    """Return a sentence on why the rounds cannot be compared, None if they can.

    `seconds` holds the rounds of each encoder, `busy_cpus` the CPUs that other processes kept busy of the `cpus` that
    both encoders may use; each uses `threads` of them.

    >>> reason_for_doubt({"ours": [1.0, 1.1]}, busy_cpus=1.5, cpus=2, threads=2)
    'other processes kept 1.5 of 2 CPUs busy'
    >>> reason_for_doubt({"ours": [1.0, 2.0]}, busy_cpus=0, cpus=2, threads=2)
    'the longest round of ours took 2.0 times as long as the shortest'
    """
    if cpus - busy_cpus < (1 - MAX_BUSY_SHARE) * threads:
        return f"other processes kept {busy_cpus:.1f} of {cpus} CPUs busy"
    spreads = {name: max(rounds) / min(rounds) for name, rounds in seconds.items()}
    widest = max(spreads, key=lambda name: spreads[name])
    if spreads[widest] > MAX_SPREAD:
        return f"the longest round of {widest} took {spreads[widest]:.1f} times as long as the shortest"
    return None


def rate_sentence(name: str, texts: int, seconds: Sequence[float]) -> str:
    """Return the texts a second of one encoder: the median of its rounds, the least and the greatest.

    >>> rate_sentence("ours", 100, [0.5, 0.4, 1.0])
    'ours: 200 texts/s (100 to 250)'
    """
    rates = [texts / value for value in seconds]
    return f"{name}: {statistics.median(rates):.0f} texts/s ({min(rates):.0f} to {max(rates):.0f})"


def ratio_sentence(ours: Sequence[float], theirs: Sequence[float], *, doubt: str | None) -> str:
    """Return how many times as fast `ours` is as `theirs`, the median of the rounds, or why no ratio is given.

    >>> ratio_sentence([1.0, 1.0, 1.0], [4.0, 5.0, 6.0], doubt=None)
    'The int8 artifact is 5.00 times as fast as PyTorch (4.00 to 6.00).'
    >>> ratio_sentence([1.0], [34.0], doubt="other processes kept 1.5 of 2 CPUs busy")
    'No ratio is given: other processes kept 1.5 of 2 CPUs busy. Run the demo again on an idle machine.'
    """
    if doubt is not None:
        return f"No ratio is given: {doubt}. Run the demo again on an idle machine."
    ratios = [there / here for here, there in zip(ours, theirs, strict=True)]
    median, least, greatest = statistics.median(ratios), min(ratios), max(ratios)
    return f"The int8 artifact is {median:.2f} times as fast as PyTorch ({least:.2f} to {greatest:.2f})."
