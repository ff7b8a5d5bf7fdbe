"""Step 1, the checkpoint: located, read completely or refused, with its vocabulary and sentence modules."""

from dataclasses import dataclass
from typing import Self

from biobert_onnx.catalog.models import find
from biobert_onnx_export.checkpoint.archives import unpacked
from biobert_onnx_export.checkpoint.config import BertGeometry
from biobert_onnx_export.checkpoint.hub import locate
from biobert_onnx_export.checkpoint.sentence_transformers import SentenceModules
from biobert_onnx_export.checkpoint.tensorflow import INDEX
from biobert_onnx_export.checkpoint.tensors import Tensors, read_tensors, weights_file, weights_sha256
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from biobert_onnx_export.errors import CheckpointError

POOLINGS = ("mean", "cls", "pooler")
DEFAULT_POOLING = "mean"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A trained BERT encoder and all that decides its vectors.

    `source` is the Hub id or the folder's or archive's name, `revision` the Hub commit or None; `weights_name` is the
    file that the tensors came from, or TensorFlow's name for several, and `weights_sha256` that of their bytes. `model`
    is the name of the published checkpoint that it goes by, None if it is none of those.
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

    @classmethod
    def read(cls, checkpoint: str, *, revision: str | None = None, token: str | None = None) -> Self:
        """The checkpoint in the local folder or archive, or of the Hub id, `checkpoint`; raises CheckpointError."""
        location = locate(checkpoint, revision=revision, token=token)
        model = find(location.source)
        with unpacked(location.path) as folder:
            modules = SentenceModules.read(folder)
            geometry = BertGeometry.read(modules.encoder)
            weights = weights_file(modules.encoder)
            vocabulary = Vocabulary.read(modules.encoder, size=geometry.vocab_size)
            return cls(
                source=location.source,
                revision=location.revision,
                model=model.name if model else None,
                weights_name=weights.name.removesuffix(INDEX),
                weights_sha256=weights_sha256(weights),
                geometry=geometry,
                tensors=read_tensors(weights, geometry),
                vocabulary=vocabulary,
                modules=modules,
            )

    def identity(self) -> dict[str, str | None]:
        """Where the weights came from, for the manifest."""
        return {
            "source": self.source,
            "revision": self.revision,
            "weights": self.weights_name,
            "sha256": self.weights_sha256,
            "model": self.model,
        }

    @property
    def poolings(self) -> tuple[str, ...]:
        """The poolings that it has weights for: the pooler's two tensors may be absent."""
        return POOLINGS if "pooler.dense.weight" in self.tensors else ("mean", "cls")

    def pooling(self, asked: str | None) -> str:
        """The pooling `asked` for, else the checkpoint's own, else mean; raises ValueError if it cannot be had."""
        pooling = asked or self.modules.pooling or DEFAULT_POOLING
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is {pooling!r}, expected one of {', '.join(POOLINGS)}")
        if pooling not in self.poolings:
            raise CheckpointError(f"'{self.source}' has no pooler weights: choose --pooling mean or cls")
        return pooling

    def max_length(self, asked: int | None) -> int:
        """The tokens `asked` for, else the checkpoint's own limit, else its positions; ValueError if out of range."""
        positions = self.geometry.max_position_embeddings
        length = self.modules.max_length or positions if asked is None else asked
        if not 3 <= length <= positions:
            raise ValueError(f"max_length is {length}, expected 3 to {positions}, the positions of the checkpoint")
        return length
