"""`models`: the checkpoints that have a name."""

import argparse

EXAMPLES = """\
example:
  biobert-onnx models
  biobert-onnx export biobert-v1.1 biobert-int8      # takes either name
"""


def add(parser: argparse.ArgumentParser) -> None:
    """There are no arguments."""


def run(options: argparse.Namespace) -> None:
    """Print a line a checkpoint."""
    from biobert_onnx.catalog.models import MODELS

    print(f"{'name':34} {'short name':27} {'dim':>5}  {'float32':>7}  {'licence':10}  source")
    for model in MODELS:
        size = f"{model.parameters * 4 / 1e6:.0f} MB" if model.parameters else "?"
        print(f"{model.name:34} {model.short:27} {model.dim:5}  {size:>7}  {model.licence:10}  {model.where}")
    print(
        "Spark NLP does not say how its models are pooled, nor which BioBERT the first one is: mean pooling and v1.1 "
        "are assumed, and `verify` settles it by the published numbers."
    )
