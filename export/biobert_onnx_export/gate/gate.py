"""The gate: tries recipes, each more careful than the one before, and takes the first that is faithful enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.gate.measure import gate_figures, worst_cosine
from biobert_onnx_export.graph.artifact_graphs import write_encoder_graph, write_graphs
from biobert_onnx_export.graph.network import checkpoint_sites
from biobert_onnx_export.graph.plan import Plan, Site
from biobert_onnx_export.quantize.quantized_network import QuantizedNetwork
from biobert_onnx_export.quantize.recipes import FLOAT_SHARES, Recipe, with_float_share
from biobert_onnx_export.reference.targets import Target, Targets

Progress = Callable[[str], None]
"""A function that is called with one line at the start of each step."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A recipe, the plan that it gave, and how faithful that plan's graph is to the gated texts.

    `worst_cosine`: the least cosine of a text. `neighbours_kept`: the share of the 10 nearest texts kept.
    """

    recipe: Recipe
    plan: Plan
    worst_cosine: float
    neighbours_kept: float

    def passes(self, *, min_cosine: float, min_neighbours: float) -> bool:
        """Tell whether both figures reach their limits."""
        return self.worst_cosine >= min_cosine and self.neighbours_kept >= min_neighbours

    def __str__(self) -> str:
        return f"{self.worst_cosine:.4f} and {self.neighbours_kept:.4f} ({self.recipe.name})"


def write_faithful_graphs(
    checkpoint: Checkpoint,
    network: QuantizedNetwork,
    targets: Targets,
    folder: Path,
    *,
    scratch: Path,
    pooling: str,
    token_layers: Sequence[str] = (),
    recipe: Recipe,
    min_cosine: float,
    min_neighbours: float,
    progress: Progress,
    pairs: bool = False,
) -> Attempt:
    """Write the graphs of the first recipe that is faithful to the gated texts into `folder`.

    It keeps every text at `min_cosine` or above, and the share `min_neighbours` of the texts' neighbours. The first one
    is `recipe`, the others keep more and more of its sites in float32. `scratch` is a folder for graphs that are only
    measured. `pairs`: encoder.onnx takes token types, too; `token_layers` are those of `write_graphs`. Raises
    FidelityError, which names both figures of each recipe, if none passes.
    """
    progress(f"measuring the recipe {recipe.name}")
    write = partial(
        try_recipe, checkpoint, network, targets.gated, pooling=pooling, pairs=pairs, token_layers=token_layers
    )
    attempts = [write(recipe, folder)]
    if attempts[-1].passes(min_cosine=min_cosine, min_neighbours=min_neighbours):
        return attempts[-1]
    progress("ranking sites by the cosine that float32 at each one wins back")
    ranking = rank_sites(checkpoint, network, recipe, targets.samples, scratch, pooling=pooling)
    for share in FLOAT_SHARES:
        mixed = with_float_share(recipe, ranking, share)
        progress(f"measuring the recipe {mixed.name}")
        attempts.append(write(mixed, folder))
        if attempts[-1].passes(min_cosine=min_cosine, min_neighbours=min_neighbours):
            return attempts[-1]
    raise FidelityError(
        f"no recipe keeps every gated text at a cosine of {min_cosine} to float32, and {min_neighbours} of the texts' "
        f"neighbours; reached: {'; '.join(map(str, attempts))}: lower min_cosine= or min_neighbours=, or export with "
        "precision='fp32'"
    )


def try_recipe(
    checkpoint: Checkpoint,
    network: QuantizedNetwork,
    target: Target,
    recipe: Recipe,
    folder: Path,
    *,
    pooling: str,
    pairs: bool = False,
    token_layers: Sequence[str] = (),
) -> Attempt:
    """Write the graphs of `recipe` into `folder` and measure them on `target`."""
    plan = network.plan(recipe)
    write_graphs(checkpoint, plan, folder, pooling=pooling, pairs=pairs, token_layers=token_layers)
    figures = gate_figures(folder, target)
    return Attempt(recipe=recipe, plan=plan, worst_cosine=figures.worst_cosine, neighbours_kept=figures.neighbours_kept)


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
