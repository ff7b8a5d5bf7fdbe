"""What is measured: a checkpoint, converted once for every contender, in a folder of its own."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tokenizers import Tokenizer

MAX_LENGTH = 512
"""Every contender cuts texts here, so that latency can be taken up to it."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A BERT checkpoint called `name` in the folder `checkpoint`; contenders keep what they make of it in `work`.

    Its facts lie in work/subject.json, so that no contender's process has to read the checkpoint to know them.
    """

    name: str
    checkpoint: str
    work: str
    layers: int
    dim: int
    heads: int
    intermediate: int
    cased: bool
    normalized: bool

    @classmethod
    def prepare(cls, name: str, checkpoint: Path, work: Path) -> Self:
        """Write the files that several contenders share into the new folder `work`."""
        from biobert_onnx_export.checkpoint import Checkpoint
        from biobert_onnx_export.reference import Reference

        source = Checkpoint.read(str(checkpoint))
        subject = cls(
            name=name,
            checkpoint=str(checkpoint),
            work=str(work),
            layers=source.geometry.num_hidden_layers,
            dim=source.geometry.hidden_size,
            heads=source.geometry.num_attention_heads,
            intermediate=source.geometry.intermediate_size,
            cased=source.vocabulary.cased,
            normalized=source.modules.normalized,
        )
        work.mkdir(parents=True)
        (work / "subject.json").write_text(json.dumps(asdict(subject)), encoding="utf-8")
        source.vocabulary.tokenizer().save(str(subject.tokenizer_file))
        Reference(source, work, pooling="mean", samples=[subject.tokenizer().encode("A text.").ids])
        return subject

    @classmethod
    def read(cls, work: Path) -> Self:
        """The subject that was prepared in `work`."""
        return cls(**json.loads((work / "subject.json").read_text(encoding="utf-8")))

    @property
    def tokenizer_file(self) -> Path:
        """The tokenizer.json that contenders without a tokenizer of their own use."""
        return Path(self.work) / "tokenizer.json"

    @property
    def reference_graph(self) -> Path:
        """optimum's float32 graph, which the onnxruntime and OpenVINO contenders start from."""
        return Path(self.work) / "reference.onnx"

    def tokenizer(self) -> Tokenizer:
        """A tokenizer that cuts at MAX_LENGTH."""
        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        tokenizer.enable_truncation(MAX_LENGTH)
        return tokenizer

    def text_of(self, tokens: int, texts: Sequence[str]) -> str:
        """A text of exactly `tokens` tokens, special ones included: words of `texts`, filled up with "a"."""
        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        text = ""
        for word in " ".join(texts).split():
            longer = f"{text} {word}"
            if len(tokenizer.encode(longer).ids) > tokens:
                return text + " a" * (tokens - len(tokenizer.encode(text).ids))
            text = longer
        raise ValueError(f"{len(texts)} texts are too few for {tokens} tokens")
