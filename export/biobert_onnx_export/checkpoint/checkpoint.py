"""A checkpoint: located and read completely, with its vocabulary and its sentence modules, or refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from biobert_onnx.catalog.model import Model
from biobert_onnx.catalog.models import find
from biobert_onnx_export.checkpoint.archives import unpacked
from biobert_onnx_export.checkpoint.config import BertGeometry
from biobert_onnx_export.checkpoint.locate import Location, locate
from biobert_onnx_export.checkpoint.rules import Rule
from biobert_onnx_export.checkpoint.sentence_transformers import SentenceModules
from biobert_onnx_export.checkpoint.tensors import Tensors
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from biobert_onnx_export.checkpoint.weights import Weights
from biobert_onnx_export.errors import CheckpointError

POOLINGS = ("mean", "cls", "pooler")
DEFAULT_POOLING = "mean"


def _published(location: Location, geometry: BertGeometry) -> Model | None:
    """Return the published checkpoint that `location` stands for; a local folder of its name must have its size too."""
    model = find(location.source)
    is_it = model is not None and (location.revision is not None or model.dim == geometry.hidden_size)
    return model if is_it else None


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A trained BERT encoder and everything that decides its vectors.

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
    geometry: BertGeometry
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
            geometry = BertGeometry.read(modules.encoder)
            model = _published(location, geometry)
            vocabulary = Vocabulary.read(
                modules.encoder,
                size=geometry.vocab_size,
                casing=casing,
                published_casing=model.casing if model else None,
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
                rules=(*weights.rules, *vocabulary.rules),
                folder=folder if location.path.is_dir() else None,
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
        """The poolings that the checkpoint has weights for: the two tensors of the pooler may be absent."""
        return ("mean", "cls", "pooler") if "pooler.dense.weight" in self.tensors else ("mean", "cls")

    def pooling(self, requested: str | None) -> str:
        """Return the `requested` pooling, else the checkpoint's own, else mean.

        Raises ValueError for an unknown pooling, CheckpointError for pooler without its weights.
        """
        pooling = requested or self.modules.pooling or DEFAULT_POOLING
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is {pooling!r}, expected one of {', '.join(POOLINGS)}")
        if pooling not in self.poolings:
            raise CheckpointError(f"'{self.source}' has no pooler weights: choose pooling='mean' or 'cls'")
        return pooling

    def max_length(self, requested: int | None) -> int:
        """Return the `requested` number of tokens, else the checkpoint's own limit, else its number of positions.

        Raises ValueError unless it is from 3 to the number of positions.
        """
        positions = self.geometry.max_position_embeddings
        length = self.modules.max_length or positions if requested is None else requested
        if not 3 <= length <= positions:
            raise ValueError(f"max_length is {length}, expected 3 to {positions}, the positions of the checkpoint")
        return length
