"""Recipes: their names say what they do, and a share of a ranking stays in float32."""

import pytest

from biobert_onnx_export.graph.plan import sites
from biobert_onnx_export.quantize.recipes import FLOAT_SHARES, PER_TOKEN, RECIPES, with_float_share


@pytest.mark.parametrize(("share", "name", "count"), [(0.25, "25%", 4), (0.5, "50%", 8), (0.01, "1%", 1)])
def test_a_share_of_the_ranking_stays_in_float32(share: float, name: str, count: int) -> None:
    ranking = sites(4)[::-1]
    recipe = with_float_share(PER_TOKEN, ranking, share)
    assert recipe.name == f"per-token+fp32-{name}"
    assert recipe.float_sites == frozenset(ranking[:count])
    assert recipe.per_token == PER_TOKEN.per_token


def test_the_names_are_short_and_differ() -> None:
    assert list(RECIPES) == ["per-token", "static"]
    last = [with_float_share(PER_TOKEN, sites(1), share).name for share in FLOAT_SHARES]
    assert last == ["per-token+fp32-25%", "per-token+fp32-50%"]
