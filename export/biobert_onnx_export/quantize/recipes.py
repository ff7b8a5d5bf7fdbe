"""Recipes: how the input of each site is rounded, or which sites stay in float32.

`per-token` is the default: the kernels find the range of a token while its numbers are at hand, so it costs them 3 % at
most, and it halves what the rounding of activations takes from the cosine. `static` is for onnxruntime, which pays for
each token's range with a pass of its own over the numbers. Only GELU outputs always have a scale for each token: their
range differs from token to token more than any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from biobert_onnx.kernels.plan import SiteKind
from biobert_onnx_export.graph.plan import Site


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How sites are multiplied; `name` is what users see.

    Sites in `float_sites` stay in float32. Sites of a kind in `per_token` get a scale for each token. All others
    get a static scale.
    """

    name: str
    per_token: frozenset[SiteKind]
    float_sites: frozenset[Site] = frozenset()


STATIC = Recipe(name="static", per_token=frozenset({SiteKind.OUTPUT}))
PER_TOKEN = Recipe(name="per-token", per_token=frozenset(SiteKind))

RECIPES = {recipe.name: recipe for recipe in (PER_TOKEN, STATIC)}
"""The recipes that users can choose, the default first."""

FLOAT_SHARES = (0.25, 0.5)
"""The shares of all sites, the most harmful ones, that stay in float32 if the chosen recipe is not faithful enough."""


def with_float_share(recipe: Recipe, ranking: Sequence[Site], share: float) -> Recipe:
    """Return `recipe` with the first `share` of the `ranking`, at least one site, in float32.

    >>> with_float_share(PER_TOKEN, [Site(0, kind) for kind in SiteKind], 0.25).name
    'per-token+fp32-25%'
    """
    chosen = ranking[: max(1, round(share * len(ranking)))]
    return replace(recipe, name=f"{recipe.name}+fp32-{share:.0%}", float_sites=frozenset(chosen))
