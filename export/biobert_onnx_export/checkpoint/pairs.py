"""Whether an artifact of a checkpoint takes pairs of texts, and what is said about it."""

from dataclasses import replace

from biobert_onnx.catalog.models import find
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.rules import Rule
from biobert_onnx_export.errors import CheckpointError

SEGMENTS = 2
"""Token types that a pair has: 0 in the first text, 1 in the second."""


def with_pairs_rule(checkpoint: Checkpoint, *, pairs: bool) -> Checkpoint:
    """Return `checkpoint` with a rule on pairs if they are asked for, or are not though it was trained with them.

    Raises CheckpointError if `pairs` are asked for and the checkpoint has too few token types, or if its tokenizer
    gives both texts of a pair the same one.
    """
    types = checkpoint.geometry.type_vocab_size
    if pairs and types < SEGMENTS:
        raise CheckpointError(
            f"'{checkpoint.source}' has type_vocab_size {types} in its config, expected at least {SEGMENTS} for pairs: "
            "leave pairs= out, and encode single texts"
        )
    tokenizer = checkpoint.vocabulary.family
    if pairs and not tokenizer.second_segment:
        raise CheckpointError(
            f"'{checkpoint.source}' has a {tokenizer.name} tokenizer, which gives both texts of a pair token type 0: "
            "leave pairs= out, and encode single texts"
        )
    model = find(checkpoint.model)
    if pairs:
        rule = Rule("pairs", "yes", "by pairs=True")
    elif model is not None and model.pairs:
        rule = Rule("pairs", "no", f"by default; it was trained with {model.texts}: pairs=True exports it for these")
    else:
        return checkpoint
    return replace(checkpoint, rules=(*checkpoint.rules, rule))
