"""`models`: the checkpoints that have a name."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from biobert_onnx.catalog.models import Model

EXAMPLES = """\
example:
  biobert-onnx models
  biobert-onnx export biobert-v1.1 biobert-int8      # takes any name, Spark NLP's too
"""

COLUMNS = f"{'name':29} {'dim':>4}  {'casing':7} {'pooling':7} {'tokens':>6}  {'licence':13}  title"

NOTES = (
    "pooling: as trained; without one, export takes the mean and says so. tokens: what the authors cut texts to.",
    "The facts are those of the publishers' pages; ?, unknown: not found there. Checked here: nothing but the layout.",
    "Spark NLP does not say how its models are pooled, nor which BioBERT the first one is: mean pooling and v1.1 "
    "are assumed, and `verify` settles it by the published numbers.",
)


def add(parser: argparse.ArgumentParser) -> None:
    """There are no arguments."""


def run(options: argparse.Namespace) -> None:
    """Print two lines a checkpoint, those that were trained to give vectors last."""
    from biobert_onnx.catalog.models import MODELS

    print(COLUMNS)
    print("pre-trained:")
    for model in MODELS:
        if model.pooling is None:
            print(*_lines(model), sep="\n")
    print("trained to give vectors:")
    for model in MODELS:
        if model.pooling is not None:
            print(*_lines(model), sep="\n")
    print(*NOTES, sep="\n")


def _lines(model: "Model") -> Iterator[str]:
    """Yield what is known of `model`, and then its source, size, other name, and what a text is to it."""
    yield (
        f"  {model.short:27} {model.dim:4}  {model.casing:7} {model.pooling or '-':7} {model.max_length or '?':>6}  "
        f"{model.licence:13}  {model.title}"
    )
    size = f"{model.parameters * 4 / 1e6:,.0f} MB" if model.parameters else None
    texts = f"{model.texts}: export it with --pairs" if model.pairs else model.texts
    yield "    " + "; ".join(filter(None, (model.where, model.spark_nlp, size, texts)))
