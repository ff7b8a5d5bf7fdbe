"""The gate: tries recipes from the fastest to the most careful, and takes the first that is faithful to every text."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.gate.measure import worst_cosine
from biobert_onnx_export.graph.artifact_graphs import write_encoder_graph, write_graphs
from biobert_onnx_export.graph.bert import checkpoint_sites
from biobert_onnx_export.graph.plan import Plan, Site
from biobert_onnx_export.quantize.quantized_network import QuantizedNetwork
from biobert_onnx_export.quantize.recipes import FLOAT_SHARES, Recipe, with_float_share
from biobert_onnx_export.reference.targets import Target, Targets

Progress = Callable[[str], None]
"""A function that is called with one line at the start of each step."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A recipe, the plan that it gave, and the least cosine of that plan's graph over the gated texts."""

    recipe: Recipe
    plan: Plan
    worst_cosine: float


def write_faithful_graphs(
    checkpoint: Checkpoint,
    network: QuantizedNetwork,
    targets: Targets,
    folder: Path,
    *,
    scratch: Path,
    pooling: str,
    recipe: Recipe,
    min_cosine: float,
    progress: Progress,
) -> Attempt:
    """Write the graphs of the first recipe that keeps every gated text at `min_cosine` or above into `folder`.

    The first one is `recipe`, the others keep more and more of its sites in float32.

    `scratch` is a folder for graphs that are only measured. Raises FidelityError, which names the least cosine of each
    recipe, if none passes.
    """
    progress(f"measuring the recipe {recipe.name}")
    attempts = [try_recipe(checkpoint, network, targets.gated, recipe, folder, pooling=pooling)]
    if attempts[-1].worst_cosine >= min_cosine:
        return attempts[-1]
    progress("ranking sites by the cosine that float32 at each one wins back")
    ranking = rank_sites(checkpoint, network, recipe, targets.samples, scratch, pooling=pooling)
    for share in FLOAT_SHARES:
        mixed = with_float_share(recipe, ranking, share)
        progress(f"measuring the recipe {mixed.name}")
        attempts.append(try_recipe(checkpoint, network, targets.gated, mixed, folder, pooling=pooling))
        if attempts[-1].worst_cosine >= min_cosine:
            return attempts[-1]
    reached = "; ".join(f"{attempt.worst_cosine:.4f} ({attempt.recipe.name})" for attempt in attempts)
    raise FidelityError(
        f"no recipe keeps every gated text at a cosine of {min_cosine} to float32; least cosines: {reached}: "
        "lower min_cosine=, or export with precision='fp32'"
    )


def try_recipe(
    checkpoint: Checkpoint, network: QuantizedNetwork, target: Target, recipe: Recipe, folder: Path, *, pooling: str
) -> Attempt:
    """Write both graphs of `recipe` into `folder` and measure the worst text of `target`."""
    plan = network.plan(recipe)
    write_graphs(checkpoint, plan, folder, pooling=pooling)
    return Attempt(recipe=recipe, plan=plan, worst_cosine=worst_cosine(folder, target))


def rank_sites(
    checkpoint: Checkpoint, network: QuantizedNetwork, recipe: Recipe, samples: Target, scratch: Path, *, pooling: str
) -> list[Site]:
    """Rank all sites by the harm that their quantization does to the worst text of `samples`, the greatest first.

    The harm of a site is what the least cosine wins if this site alone stays in float32 and all others are
    multiplied by `recipe`. Each graph is written into the folder `scratch`, over the one before.
    """
    sites = checkpoint_sites(checkpoint)
    cosine = {}
    for site in sites:
        plan = network.plan(replace(recipe, float_sites=frozenset({site})))
        write_encoder_graph(checkpoint, plan, scratch, pooling=pooling)
        cosine[site] = worst_cosine(scratch, samples)
    return sorted(sites, key=lambda site: -cosine[site])
