"""The gate: tries recipes from the fastest to the most careful, and takes the first that is faithful to every text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.gate.measure import worst_cosine
from biobert_onnx_export.graph.artifact_graphs import write_encoder_graph, write_graphs
from biobert_onnx_export.graph.bert import checkpoint_sites
from biobert_onnx_export.graph.plan import Plan, Site
from biobert_onnx_export.quantize.calibration import ChannelRanges
from biobert_onnx_export.quantize.quantized_plan import quantized_plan
from biobert_onnx_export.quantize.recipes import FLOAT_SHARES, PER_TOKEN, STATIC, Recipe, with_float_share
from biobert_onnx_export.reference.targets import Target, Targets

Progress = Callable[[str], None]
"""A function that is called with one line at the start of each step."""

Ranges = Mapping[Site, ChannelRanges]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A recipe, the plan that it gave, and the least cosine of that plan's graph over the gated texts."""

    recipe: Recipe
    plan: Plan
    worst_cosine: float


def write_faithful_graphs(
    checkpoint: Checkpoint,
    ranges: Ranges,
    targets: Targets,
    folder: Path,
    *,
    scratch: Path,
    pooling: str,
    min_cosine: float,
    progress: Progress,
) -> Attempt:
    """Write the graphs of the first recipe that keeps every gated text at `min_cosine` or above into `folder`.

    `scratch` is a folder for graphs that are only measured. Raises FidelityError, which names the least cosine of each
    recipe, if none passes.
    """
    attempts: list[Attempt] = []
    for recipe in (STATIC, PER_TOKEN):
        progress(f"quantizing: {recipe.name}")
        attempts.append(try_recipe(checkpoint, ranges, targets.gated, recipe, folder, pooling=pooling))
        if attempts[-1].worst_cosine >= min_cosine:
            return attempts[-1]
    progress("ranking sites by the cosine that float32 at each one wins back")
    ranking = rank_sites(checkpoint, ranges, targets.samples, scratch, pooling=pooling)
    for share in FLOAT_SHARES:
        recipe = with_float_share(PER_TOKEN, ranking, share)
        progress(f"quantizing: {recipe.name}")
        attempts.append(try_recipe(checkpoint, ranges, targets.gated, recipe, folder, pooling=pooling))
        if attempts[-1].worst_cosine >= min_cosine:
            return attempts[-1]
    reached = "; ".join(f"{attempt.worst_cosine:.4f} ({attempt.recipe.name})" for attempt in attempts)
    raise FidelityError(
        f"no recipe keeps every gated text at a cosine of {min_cosine} to float32; least cosines: {reached}: "
        "lower min_cosine=, or export with precision='fp32'"
    )


def try_recipe(
    checkpoint: Checkpoint, ranges: Ranges, target: Target, recipe: Recipe, folder: Path, *, pooling: str
) -> Attempt:
    """Write both graphs of `recipe` into `folder` and measure the worst text of `target`."""
    plan = quantized_plan(checkpoint, ranges, recipe)
    write_graphs(checkpoint, plan, folder, pooling=pooling)
    return Attempt(recipe=recipe, plan=plan, worst_cosine=worst_cosine(folder, target))


def rank_sites(checkpoint: Checkpoint, ranges: Ranges, samples: Target, scratch: Path, *, pooling: str) -> list[Site]:
    """Rank all sites by the harm that their quantization does to the worst text of `samples`, the greatest first.

    The harm of a site is what the least cosine wins if this site alone stays in float32 and all others are `PER_TOKEN`.
    Each graph is written into the folder `scratch`, over the one before.
    """
    sites = checkpoint_sites(checkpoint)
    cosine = {}
    for site in sites:
        plan = quantized_plan(checkpoint, ranges, replace(PER_TOKEN, float_sites=frozenset({site})))
        write_encoder_graph(checkpoint, plan, scratch, pooling=pooling)
        cosine[site] = worst_cosine(scratch, samples)
    return sorted(sites, key=lambda site: -cosine[site])
