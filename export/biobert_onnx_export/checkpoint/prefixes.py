"""The encoder among the tensors of a file: under which prefix it lies, and what lies beside it.

BERT's tensors begin with `embeddings.`, `encoder.` and `pooler.`. A model with a task head has them under `bert.`,
PyTorch's DataParallel adds `module.`, and other frameworks add their own: so the prefix is found, not listed. It is
what stands before the one tensor that every encoder has.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from biobert_onnx_export.checkpoint.families import Family
from biobert_onnx_export.checkpoint.rules import Rule
from biobert_onnx_export.errors import CheckpointError, listed

ANCHOR = "embeddings.word_embeddings.weight"
"""The tensor that tells the prefix."""

POOLER = "pooler."
"""How the names of a pooler's tensors begin behind the prefix."""

BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
"""Constants that older versions of transformers stored: 0, 1, 2, ... and zeros."""

OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
"""Names in checkpoints that were converted from TensorFlow before 2019."""


@dataclass(frozen=True, kw_only=True)
class EncoderNames:
    """The tensors of an encoder in a file: `names` has the stored name of each by the name that BertModel gives it.

    `prefix` is what the stored names begin with, `is_usual` whether transformers itself writes it. `left_out` are the
    tensors beside the encoder.
    """

    is_usual: bool
    prefix: str
    names: dict[str, str]
    left_out: tuple[str, ...]

    @classmethod
    def find(cls, stored: Iterable[str], path: Path, family: Family) -> "EncoderNames":
        """Find the encoder of `family` among the names `stored` in `path`.

        Raises CheckpointError if there is no encoder, more than one, or a tensor of it twice.
        """
        stored = sorted(stored)
        prefix = _prefix(stored, path, family)
        names: dict[str, str] = {}
        left_out = []
        for name in stored:
            own = _berts_name(name, prefix, family)
            if own is None:
                left_out.append(name)
            elif own in names:
                raise CheckpointError(f"'{path}' holds {own} twice, as {names[own]} and {name}: save one of them")
            elif own not in BUFFERS:
                names[own] = name
        return cls(is_usual=prefix in ("", family.prefix), prefix=prefix, names=names, left_out=tuple(left_out))

    def rules(self, path: Path) -> tuple[Rule, ...]:
        """Return what was decided about the names in `path`."""
        rules = []
        if not self.is_usual:
            rules.append(Rule("prefix", f"'{self.prefix}' stripped", f"{path.name} has its encoder under it"))
        if self.left_out:
            count = f"{len(self.left_out)} tensor{'s' if len(self.left_out) > 1 else ''}"
            reason = f"outside of the encoder in {path.name}: {listed(self.left_out)}"
            rules.append(Rule("head", f"{count} left out", reason))
        return tuple(rules)


def _prefix(stored: list[str], path: Path, family: Family) -> str:
    """Return the prefix of the one encoder among the sorted names `stored`."""
    before = [name.removesuffix(ANCHOR) for name in stored if name.endswith(ANCHOR)]
    prefixes = [prefix for prefix in before if not prefix or prefix.endswith(".")]
    if not prefixes:
        raise CheckpointError(
            f"'{path}' lacks {ANCHOR}, under any prefix; it holds {listed(stored) or 'no tensor'}: it is no complete "
            f"encoder of model_type {family.model_type!r}"
        )
    if len(prefixes) > 1:
        shown = " and ".join(repr(prefix) for prefix in prefixes)
        raise CheckpointError(
            f"'{path}' holds {len(prefixes)} encoders, under the prefixes {shown}: save the one that you want alone"
        )
    return prefixes[0]


def _berts_name(name: str, prefix: str, family: Family) -> str | None:
    """Return the name that BertModel gives the tensor `name` of `family`, None if it lies outside of the encoder.

    >>> from biobert_onnx_export.checkpoint.families import BERT
    >>> _berts_name("bert.encoder.layer.0.output.LayerNorm.gamma", "bert.", BERT)
    'encoder.layer.0.output.LayerNorm.weight'
    >>> _berts_name("bert.classifier.weight", "bert.", BERT)
    """
    if not name.startswith(prefix):
        return None
    own = family.berts_name(name.removeprefix(prefix))
    if not own.startswith((*family.namespaces, *((POOLER,) if family.has_pooler else ()))):
        return None
    for old, new in OLD_NAMES.items():
        if own.endswith(old):
            return own.removesuffix(old) + new
    return own
