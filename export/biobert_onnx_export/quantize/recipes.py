"""The ladder of recipes: from the fastest to the most careful, the first one that passes the gate is taken.

Static scales are fastest and, on all-MiniLM-L6-v2 and the BioBERT-geometry stand-in, faithful enough (README.md). The
GELU output's range differs by token more than that of any other site: there the measured noise of a static scale
decides. It is 1.7 to 3.6 % in all-MiniLM-L6-v2, where static scales cost 0.0003 of mean and 0.0015 of worst cosine, and
0.8 to 1.2 % in the stand-in, where they cost nothing that can be seen and save 4 % of the time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from biobert_onnx_export.graph.bert import SITES
from biobert_onnx_export.quantize.quantized_plan import Recipe

STATIC = Recipe(name="static, GELU outputs per row where they need it", row=frozenset({"output"}), row_noise=0.015)
PER_ROW = Recipe(name="per row", row=frozenset(SITES), row_noise=0.0)

FLOAT_SHARES = (0.25, 0.5)
"""Shares of the sites, the worst ones, that the last rungs leave in float32."""


WorstCosine = Callable[[Recipe], float]
"""Least cosine to the reference, over calibration texts, of the vectors that a recipe gives."""


def ladder(site_names: Sequence[str], worst_cosine: WorstCosine) -> Iterator[Recipe]:
    """The recipes to try in order; the last ones, with sites in float32, are measured only when they are asked for."""
    yield STATIC
    yield PER_ROW
    by_harm = _by_harm(site_names, worst_cosine)
    for share in FLOAT_SHARES:
        worst = frozenset(by_harm[: max(1, round(share * len(by_harm)))])
        yield replace(PER_ROW, name=f"per row, {len(worst)} of {len(by_harm)} sites in float32", floats=worst)


def _by_harm(site_names: Sequence[str], worst_cosine: WorstCosine) -> list[str]:
    """The sites, the one first without whose quantization the worst text comes closest to the reference."""
    recovered = {site: worst_cosine(replace(PER_ROW, floats=frozenset({site}))) for site in site_names}
    return sorted(site_names, key=lambda site: -recovered[site])
