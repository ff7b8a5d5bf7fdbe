"""The checkpoint as read here, held to the ecosystem's own loader of its folder: token ids and float32 vectors.

Whatever sentence-transformers or transformers computes from the folder is right, unless a rule of the checkpoint says
why not. A difference that no rule explains stops the export.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.normalization import make_normalizer
from biobert_onnx_export.checkpoint.sentence_transformers import MODULES
from biobert_onnx_export.checkpoint.tensorflow import INDEX
from biobert_onnx_export.checkpoint.vocabulary import BYTE_ORDER_MARK
from biobert_onnx_export.checkpoint.weight_files import weights_file
from biobert_onnx_export.errors import CheckpointError
from biobert_onnx_export.reference.targets import Targets
from biobert_onnx_export.reference.texts import LONG_TEXT, TextSets
from biobert_onnx_export.reference.vectors import relative_difference

if TYPE_CHECKING:
    from biobert_onnx_export.reference.loaders import Loader

TOLERANCE = 1e-4
"""The largest difference of a vector, relative to the largest component; rounding alone gives about 1e-6."""

SHOWN_CHARACTERS = 80
"""Characters of a text that an error message shows."""

SHOWN_TOKENS = 6
"""Tokens from the first different one on that an error message shows."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the checkpoint was compared with, and how far the vectors are from the loader's.

    `loader`: the library and its version, None if there was none. `reason`: why there was none, or why it was not
    sentence-transformers for one of its folders; empty otherwise. `explained`: the rules that the loader had to be
    told, by what they are about. `largest_difference`: of a vector, relative to the largest component.
    """

    loader: str | None
    texts: int = 0
    explained: tuple[str, ...] = ()
    largest_difference: float | None = None
    reason: str = ""

    def record(self) -> dict[str, Any]:
        """Return the comparison as the manifest records it.

        Two exports give the same bytes: the difference itself stays out, as it depends on threads and CPU, and so does
        the library's own message, which may name a path.
        """
        if self.loader is None:
            return {"loader": None, "reason": self.reason}
        record = {"loader": self.loader, "texts": self.texts, "told": list(self.explained), "tolerance": TOLERANCE}
        return record | ({"reason": self.reason.partition(":")[0]} if self.reason else {})

    def __str__(self) -> str:
        if self.loader is None:
            return f"not compared with the folder's own loader: {self.reason}"
        told = f", once told of {' and '.join(self.explained)}" if self.explained else ""
        return (
            f"compared with {self.loader} on {self.texts} texts: equal token ids, vectors within "
            f"{self.largest_difference:.1e} of the largest component{told}"
            f"{f' ({self.reason})' if self.reason else ''}"
        )


def compare_with_loader(
    checkpoint: Checkpoint,
    texts: TextSets,
    targets: Targets,
    long_text: Sequence[int],
    *,
    pooling: str,
    max_length: int,
) -> Comparison:
    """Compare `targets`, the reference's vectors of the held-out `texts`, with those of the folder's own loader.

    `long_text`: the token ids of LONG_TEXT. `max_length`, `pooling`: those of the artifact.

    Raises CheckpointError, which shows the first difference, unless token ids are equal and vectors are too but for
    rounding.
    """
    if checkpoint.folder is None or weights_file(checkpoint.modules.encoder).suffix == INDEX:
        return Comparison(loader=None, reason="no library loads the weights of TensorFlow 1")
    loader, reason = _load(checkpoint, pooling)
    if checkpoint.own_limit()[0] != max_length:
        loader.set_max_length(max_length)
    held_out = list(chain.from_iterable(texts.held_out.values()))
    ids = [*chain.from_iterable(targets.held_out[name].token_ids for name in texts.held_out), long_text]
    with _naming_the_loader(checkpoint, loader.name):
        explained = _compare_ids(checkpoint, loader, [*held_out, LONG_TEXT], ids)
    if any(rule.about == "prefix" for rule in checkpoint.rules):  # the loader left these tensors at random
        loader.set_tensors()
        explained = (*explained, "prefix")
    if any(rule.about == "vocabulary" for rule in checkpoint.rules):  # the loader has no row for the [PAD] that it adds
        loader.set_pad_token(BYTE_ORDER_MARK + checkpoint.vocabulary.tokens[0])
        explained = (*explained, "vocabulary")
    vectors = np.concatenate([targets.held_out[name].vectors for name in texts.held_out])
    with _naming_the_loader(checkpoint, loader.name):
        difference = _compare_vectors(loader, held_out, vectors)
    return Comparison(
        loader=loader.name, texts=len(held_out), explained=explained, largest_difference=difference, reason=reason
    )


def _load(checkpoint: Checkpoint, pooling: str) -> tuple["Loader", str]:
    """Load a folder of sentence-transformers with it, if its own pooling is taken; any other with transformers.

    A folder that sentence-transformers refuses (an old one, or one of a later version) is loaded with transformers; the
    second value says why, and is empty otherwise. Raises CheckpointError if transformers refuses it too.
    """
    from biobert_onnx_export.reference.loaders import SentenceTransformersLoader, TransformersLoader

    assert checkpoint.folder is not None
    reason = ""
    is_its_own = checkpoint.modules.pooling == pooling and is_there(checkpoint.folder / MODULES)
    if is_its_own and find_spec("sentence_transformers") is not None:
        try:
            return SentenceTransformersLoader(checkpoint.folder, checkpoint), ""
        except Exception as error:  # of any kind: the library does not say which
            reason = f"sentence-transformers refuses the folder: {_first_line(error)}"
    with _naming_the_loader(checkpoint, "transformers"):
        return TransformersLoader(checkpoint.modules.encoder, checkpoint, pooling=pooling), reason


@contextmanager
def _naming_the_loader(checkpoint: Checkpoint, name: str) -> Iterator[None]:
    """Raise CheckpointError for whatever the library `name` raises; the Rust code under it may even panic."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, CheckpointError):
        raise
    except BaseException as error:
        raise CheckpointError(
            f"'{checkpoint.source}' cannot be compared with what {name} reads of it, as {name} refuses the folder "
            f"({_first_line(error)}): correct the folder until it loads there"
        ) from error


def _first_line(error: BaseException) -> str:
    """Return the type of `error` and the first line of its message, 200 characters at most."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:200]


def _compare_ids(
    checkpoint: Checkpoint,
    loader: "Loader",
    texts: Sequence[str],
    ids: TokenIds,
) -> tuple[str, ...]:
    """Compare token ids; returns what the loader had to be told for them to be equal."""
    vocabulary = checkpoint.vocabulary
    different = _first_different(loader.token_ids(texts), ids)
    if different is None:
        return ()
    if vocabulary.deviations:
        loader.set_words(make_normalizer(vocabulary.normalizer), vocabulary.longest_word)
        different = _first_different(loader.token_ids(texts), ids)
        if different is None:
            return vocabulary.deviations
    index, theirs = different
    tokens = vocabulary.tokenizer()
    place = next(
        (place for place, (one, other) in enumerate(zip(theirs, ids[index], strict=False)) if one != other),
        min(len(theirs), len(ids[index])),
    )
    shown = [
        " ".join(tokens.id_to_token(number) or f"#{number}" for number in some[place : place + SHOWN_TOKENS])
        for some in (theirs, ids[index])
    ]
    raise CheckpointError(
        f"'{checkpoint.source}' is read in another way by {loader.name}: of {texts[index][:SHOWN_CHARACTERS]!r}, token "
        f"{place} and after are '{shown[0]}' ({len(theirs)} tokens in all), not '{shown[1]}' ({len(ids[index])}): no "
        "rule explains it, so report a fault of this project with the folder's files but the weights"
    )


def _first_different(theirs: TokenIds, ours: TokenIds) -> tuple[int, Sequence[int]] | None:
    """Return the index of the first text with other ids, and the loader's ids of it; None if all are equal."""
    pairs = enumerate(zip(theirs, ours, strict=True))
    return next(((index, list(one)) for index, (one, other) in pairs if list(one) != list(other)), None)


def _compare_vectors(loader: "Loader", texts: Sequence[str], vectors: FloatArray) -> float:
    theirs = loader.vectors(texts)
    if theirs.shape != vectors.shape:
        raise CheckpointError(
            f"{loader.name} gives vectors of {theirs.shape[1]} numbers, not {vectors.shape[1]}: no rule explains it, "
            "so report it as a fault, with the folder's files but the weights"
        )
    are_zero = not theirs.any() and not vectors.any()  # the check of the graphs refuses them
    difference = 0.0 if are_zero else relative_difference(theirs, vectors)
    if not difference <= TOLERANCE:  # nan fails as well
        raise CheckpointError(
            f"{loader.name} gives other vectors, by {difference:.1e} of the largest component, expected at most "
            f"{TOLERANCE}: no rule explains it, so report it as a fault, with the folder's files but the weights"
        )
    return difference
