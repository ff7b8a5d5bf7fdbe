"""A checkpoint: located and read completely, with its vocabulary and its sentence modules, or refused."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from biobert_onnx._file_status import is_folder
from biobert_onnx.artifact.manifest import POOLINGS
from biobert_onnx.catalog.model import Model
from biobert_onnx.catalog.models import find
from biobert_onnx_export.checkpoint.archives import unpacked
from biobert_onnx_export.checkpoint.config import EncoderGeometry
from biobert_onnx_export.checkpoint.locate import Location, locate
from biobert_onnx_export.checkpoint.pooling import POOLER, modes
from biobert_onnx_export.checkpoint.rules import Rule
from biobert_onnx_export.checkpoint.sentence_modules import output_size
from biobert_onnx_export.checkpoint.sentence_transformers import SentenceModules
from biobert_onnx_export.checkpoint.tensors import Tensors
from biobert_onnx_export.checkpoint.tokenizer_files import CONFIG
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from biobert_onnx_export.checkpoint.weights import Weights
from biobert_onnx_export.errors import CheckpointError

DEFAULT_POOLING = "mean"

POSITIONS = "max_position_embeddings in the config"
"""What limits the length of texts where nothing else does."""


def _published(location: Location, geometry: EncoderGeometry) -> Model | None:
    """Return the published checkpoint that `location` stands for; a local folder of its name must have its size too."""
    model = find(location.source)
    is_it = model is not None and (location.revision is not None or model.dim == geometry.hidden_size)
    return model if is_it else None


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A trained encoder and everything that decides its vectors.

    `source` is the Hub id, or the name of the folder or archive; `revision` is the Hub commit, None for a local one.
    `weights_name` is the file that holds the tensors (of several shards their index, of TensorFlow the name they
    share), and `weights_sha256` the digest of its bytes. `model` is the name of the published checkpoint that `source`
    stands for, None for any other. `rules`: how the folder was read. `folder`: its path, None for an archive, which
    was unpacked into a temporary one.
    """

    source: str
    revision: str | None
    model: str | None
    weights_name: str
    weights_sha256: str
    geometry: EncoderGeometry
    tensors: Tensors
    vocabulary: Vocabulary
    modules: SentenceModules
    rules: tuple[Rule, ...]
    folder: Path | None

    @classmethod
    def read(
        cls, checkpoint: str, *, revision: str | None = None, token: str | None = None, casing: str | None = None
    ) -> Self:
        """Read `checkpoint`, a folder, an archive, a Hub id or a model's name; raises CheckpointError.

        `casing`: cased or uncased; None lets folder and vocabulary decide. Raises ValueError for another one.
        """
        location = locate(checkpoint, revision=revision, token=token)
        with unpacked(location.path) as folder:
            modules = SentenceModules.read(folder)
            geometry = EncoderGeometry.read(modules.encoder)
            modules.check_width(geometry.hidden_size)
            model = _published(location, geometry)
            vocabulary = Vocabulary.read(
                modules.encoder,
                size=geometry.vocab_size,
                casing=casing,
                published_casing=model.casing if model else None,
                lowercase_first=modules.lower_case,
            )
            weights = Weights.read(modules.encoder, geometry)
            return cls(
                source=location.source,
                revision=location.revision,
                model=model.name if model else None,
                weights_name=weights.name,
                weights_sha256=weights.sha256,
                geometry=geometry,
                tensors=weights.tensors,
                vocabulary=vocabulary,
                modules=modules,
                rules=(*weights.rules, *vocabulary.rules, *modules.rules()),
                folder=folder if is_folder(location.path) else None,
            )

    def identity(self) -> dict[str, str | None]:
        """Return the origin of the weights, as the manifest records it."""
        return {
            "source": self.source,
            "revision": self.revision,
            "weights": self.weights_name,
            "sha256": self.weights_sha256,
            "model": self.model,
        }

    @property
    def poolings(self) -> tuple[str, ...]:
        """The modes of pooling that the checkpoint has weights for: the two tensors of the pooler may be absent."""
        has_pooler = "pooler.dense.weight" in self.tensors
        return tuple(mode for mode in POOLINGS if mode != POOLER or has_pooler)

    def pooling(self, requested: str | None) -> str:
        """Return the `requested` pooling, else the checkpoint's own, else mean: one mode, or several joined by "+".

        Raises ValueError for an unknown mode, CheckpointError for pooler without its weights and for a pooling whose
        vectors do not fit the modules after it.
        """
        pooling = self._pooling_rule(requested).decision
        if not set(modes(pooling)) <= set(self.poolings):
            raise CheckpointError(f"'{self.source}' has no pooler weights: choose pooling='mean' or 'cls'")
        self.dim(pooling)
        return pooling

    def dim(self, pooling: str) -> int:
        """Return the numbers in a vector after `pooling` and the modules that follow it.

        Raises CheckpointError if the vectors of `pooling` do not fit these modules.
        """
        return output_size(self.modules.after_pooling, self.geometry.hidden_size * len(modes(pooling)))

    def max_length(self, requested: int | None) -> int:
        """Return the `requested` number of tokens, else the checkpoint's own limit, else its number of positions.

        Raises ValueError unless the requested number is from 3 to the number of positions, CheckpointError if the
        checkpoint's own limit is not.
        """
        positions = self.geometry.positions
        if requested is not None:
            if not 3 <= requested <= positions:
                raise ValueError(
                    f"max_length is {requested}, expected 3 to {positions}, the positions of the checkpoint"
                )
            return requested
        length, place = self.own_limit()
        if not 3 <= length <= positions:
            raise CheckpointError(
                f"{place} of '{self.source}' is {length}, expected 3 to {positions}, the positions of "
                "its config: give max_length="
            )
        return length

    def own_limit(self) -> tuple[int, str]:
        """Return the number of tokens that the checkpoint cuts texts to, and what says so.

        sentence-transformers' file is followed as it is; transformers' limit counts up to the positions.
        """
        positions, transformer = self.geometry.positions, self.modules.transformer
        if transformer.max_seq_length is not None:
            return transformer.max_seq_length, f"max_seq_length in {transformer.settings.path.name}"
        if self.modules.tokenizer_limit is not None and self.modules.tokenizer_limit < positions:
            return self.modules.tokenizer_limit, f"model_max_length in {CONFIG}"
        return positions, POSITIONS

    def with_rules_of(self, *, pooling: str | None, max_length: int | None) -> Self:
        """Return the checkpoint with the rules by which these arguments of an export are decided."""
        length, place = self.own_limit()
        decided = [self._pooling_rule(pooling)]
        if max_length is not None:
            decided.append(Rule("max_length", str(max_length), "by max_length="))
        elif place != POSITIONS:
            decided.append(Rule("max_length", str(length), f"by {place}"))
        return replace(self, rules=(*self.rules, *decided))

    def _pooling_rule(self, requested: str | None) -> Rule:
        """Decide the pooling: by the argument, the folder's module, the published checkpoint's training, else mean."""
        own, settings = self.modules.pooling, self.modules.pooling_settings
        place = "" if settings is None else f"{settings.settings.path.parent.name}/{settings.settings.path.name}"
        if requested is not None:
            named = "" if own in (None, requested) else f"; {place} names {own}"
            return Rule("pooling", requested, f"by pooling={named}")
        if own is not None:
            return Rule("pooling", own, f"by {place}")
        model = find(self.model)
        if model is not None and model.pooling is not None:
            return Rule("pooling", model.pooling, f"as {model.title} was trained")
        lacking = f"{place} names none" if place else "nothing in the folder names one"
        return Rule("pooling", DEFAULT_POOLING, f"by default: {lacking}")
