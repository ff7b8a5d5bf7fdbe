"""Recipes: which sites are multiplied with a static scale, with a scale for each token, or in float32.

Static scales are the fastest. On all-MiniLM-L6-v2 and on the stand-in of BioBERT's geometry they are faithful enough,
but for one kind of site: the range of GELU outputs differs from token to token more than any other. There the measured
noise of a static scale decides. It is 1.7 to 3.6 % in all-MiniLM-L6-v2, where static scales cost 0.0003 of mean and
0.0015 of worst cosine. It is 0.8 to 1.2 % in the stand-in, where they cost nothing measurable and save 4 % of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from biobert_onnx.kernels.plan import SiteKind
from biobert_onnx_export.graph.plan import Site


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How sites are multiplied; `name` is what users see.

    A site in `float_sites` stays in float32. A site whose kind is in `per_token` gets a scale for each token if the
    rounding noise of a static scale (`static_noise`) exceeds `noise_limit`. All others get a static scale.
    """

    name: str
    per_token: frozenset[SiteKind]
    noise_limit: float
    float_sites: frozenset[Site] = frozenset()


STATIC = Recipe(name="static", per_token=frozenset({SiteKind.OUTPUT}), noise_limit=0.015)
"""Static scales; a scale for each token only for GELU outputs that need it."""

PER_TOKEN = Recipe(name="per-token", per_token=frozenset(SiteKind), noise_limit=0.0)
"""A scale for each token at every site."""

FLOAT_SHARES = (0.25, 0.5)
"""The shares of all sites, the most harmful ones, that the last two recipes leave in float32."""


def with_float_share(recipe: Recipe, ranking: Sequence[Site], share: float) -> Recipe:
    """Return `recipe` with the first `share` of the `ranking`, at least one site, in float32.

    >>> with_float_share(PER_TOKEN, [Site(0, kind) for kind in SiteKind], 0.25).name
    'per-token+fp32-25%'
    """
    chosen = ranking[: max(1, round(share * len(ranking)))]
    return replace(recipe, name=f"{recipe.name}+fp32-{share:.0%}", float_sites=frozenset(chosen))
