"""The reference as an encoder of texts: the runtime's own way from texts to vectors, with the checkpoint in float32."""

from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.paths import TOKENIZER
from biobert_onnx.encoding.call import warn_of_cut_texts
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.pipeline import G, Options, Pipeline, Progress
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.texts import TextSets


class ReferenceEncoder:
    """Turns texts into the vectors that an artifact of the checkpoint is measured against.

    `rules`: how the checkpoint was read. `maker`: what computes the vectors. `dim`: numbers in one.
    """

    def __init__(self, checkpoint: str, folder: Path, *, max_length: int | None = None) -> None:
        """Read `checkpoint`, a folder, an archive, a Hub id or a name.

        `folder`, an empty one, takes optimum's graph and the tokenizer. The checkpoint's own rules decide pooling and
        casing, and the length unless `max_length` is given. Raises CheckpointError, FidelityError if the graph is not
        the checkpoint's, ValueError for `max_length`.
        """
        source = Checkpoint.read(checkpoint).with_rules_of(pooling=None, max_length=max_length)
        pooling, max_length = source.pooling(None), source.max_length(max_length)
        self._prompt = source.modules.prompts.default_text
        vocabulary = source.vocabulary
        samples = TextSets.read(None).tokenize(vocabulary.tokenizer(), max_length=max_length, prompt=self._prompt)
        self._reference = Reference(source, folder, pooling=pooling, samples=samples.samples)
        (folder / TOKENIZER).write_text(vocabulary.tokenizer().to_str(), encoding="utf-8", newline="\n")
        self.rules, self.maker, self.dim = source.rules, self._reference.maker, source.dim(pooling)
        self._pipeline = Pipeline(
            tokenizer=TextTokenizer(folder / TOKENIZER),
            run=self._run,
            dim=self.dim,
            max_length=max_length,
            normalized=source.modules.normalized,
            threads=usable_cpus(),
        )

    def encode_groups(
        self, groups: Iterable[G], *, long_texts: str = "truncate", progress: Progress[G] | None = None
    ) -> Generator[tuple[G, FloatArray], None, None]:
        """Yield each of `groups` with the vectors (n, dim) of its texts, as `SentenceEncoder.encode_groups` does."""
        from biobert_onnx_export.reference.pytorch import one_thread_a_run

        options = Options(dim=self.dim, normalize=False, long_texts=long_texts, prompt=self._prompt)
        texts = cut = 0
        parts = self._pipeline.encode(groups, options, ahead=True, progress=progress)
        with one_thread_a_run(), closing(parts):
            for group, part in parts:
                texts, cut = texts + len(part.was_cut), cut + int(part.was_cut.sum())
                yield group, part.embeddings
        warn_of_cut_texts(cut, texts, stacklevel=2)

    def _run(self, input_ids: NDArray[np.int64], threads: int, token_types: NDArray[np.int64] | None) -> FloatArray:
        return self._reference.embed(input_ids, token_types)
