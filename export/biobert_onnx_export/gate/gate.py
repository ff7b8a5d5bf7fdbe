"""Step 6, the gate: recipes are tried from the fastest to the most careful until the worst text is faithful enough."""

from collections.abc import Callable, Mapping
from pathlib import Path

from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.graph.artifact_graphs import write_graphs
from biobert_onnx_export.graph.bert import sites
from biobert_onnx_export.graph.matmul import Plan
from biobert_onnx_export.quantize.calibration import SiteStatistics
from biobert_onnx_export.quantize.quantized_plan import Recipe, quantized_plan
from biobert_onnx_export.quantize.recipes import ladder
from biobert_onnx_export.reference.targets import Yardstick

Report = Callable[[str], None]


def write_faithful_graphs(
    checkpoint: Checkpoint,
    statistics: Mapping[str, SiteStatistics],
    yardstick: Yardstick,
    folder: Path,
    *,
    min_cosine: float,
    report: Report,
) -> tuple[Recipe, Plan]:
    """Write the graphs of the first recipe that passes into `folder`; returns the recipe and its plan.

    Raises FidelityError if none keeps every text of the report at `min_cosine` or above.
    """

    def write(recipe: Recipe) -> Plan:
        plan = quantized_plan(checkpoint, statistics, recipe)
        write_graphs(checkpoint, plan, folder, pooling=yardstick.pooling)
        return plan

    def worst_cosine(recipe: Recipe) -> float:
        write(recipe)
        return yardstick.worst_sample_cosine(folder)

    tried = []
    for recipe in ladder([site for site, _ in sites(checkpoint)], worst_cosine):
        report(f"quantizing: {recipe.name}")
        plan = write(recipe)
        worst = yardstick.worst_cosine(folder)
        if worst >= min_cosine:
            return recipe, plan
        tried.append(f"{worst:.4f} ({recipe.name})")
    raise FidelityError(
        f"no recipe keeps every text of the report at a cosine of {min_cosine} to float32; least: {'; '.join(tried)}: "
        "lower --min-cosine, or export with --precision fp32"
    )
