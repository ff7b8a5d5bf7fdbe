"""The checkpoint that is measured: converted once for every contender, in a folder of its own."""

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from tokenizers import Tokenizer

MAX_LENGTH = 512
"""Tokens that every contender cuts texts to, so that latency can be measured up to this length."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A checkpoint called `name` in the folder `checkpoint`; contenders keep what they make of it in `work`.

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
    tokenizer_class: str
    pad_id: int

    @classmethod
    def prepare(cls, name: str, checkpoint: Path, work: Path) -> Self:
        """Write the subject's facts and tokenizer into the folder `work`; raises ValueError for the checkpoint."""
        from benchmarks.inputs.checkpoints import read_checkpoint

        facts, tokenizer = read_checkpoint(checkpoint)
        subject = cls(name=name, checkpoint=str(checkpoint), work=str(work), **asdict(facts))
        work.mkdir(parents=True, exist_ok=True)
        (work / "subject.json").write_text(json.dumps(asdict(subject)), encoding="utf-8", newline="\n")
        tokenizer.save(str(subject.tokenizer_file))
        return subject

    @property
    def parts_file(self) -> Path:
        """The file of what is measured so far (`Parts`)."""
        return Path(self.work) / "parts.json"

    def write_reference_graph(self) -> None:
        """Write the reference graph into the subject's folder, once for every contender that starts from it."""
        from benchmarks.inputs.checkpoints import write_reference_graph

        sample = self.tokenizer().encode("A text.").ids
        write_reference_graph(Path(self.checkpoint), Path(self.work), sample)

    @classmethod
    def read(cls, work: Path) -> Self:
        """Read the subject that was prepared in `work`."""
        return cls(**json.loads((work / "subject.json").read_text(encoding="utf-8")))

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of one token in the int8 products: four matrices of attention, two of feed-forward."""
        return self.layers * (4 * self.dim**2 + 2 * self.dim * self.intermediate)

    def facts(self) -> dict[str, Any]:
        """Return what a record says of the subject."""
        return {
            "subject": self.name,
            "geometry": {"layers": self.layers, "dim": self.dim, "heads": self.heads},
            "multiply_adds": self.multiply_adds,
        }

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Return the tokens of all `texts` together, each cut to MAX_LENGTH."""
        return sum(len(encoding.ids) for encoding in self.tokenizer().encode_batch(list(texts)))

    @property
    def tokenizer_file(self) -> Path:
        """The tokenizer.json that contenders without a tokenizer of their own use."""
        return Path(self.work) / "tokenizer.json"

    @property
    def reference_graph(self) -> Path:
        """optimum's float32 graph, which the onnxruntime and OpenVINO contenders start from."""
        return Path(self.work) / "reference.onnx"

    def tokenizer(self) -> Tokenizer:
        """Load a tokenizer that cuts texts to MAX_LENGTH tokens."""
        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        tokenizer.enable_truncation(MAX_LENGTH)
        return tokenizer

    def texts_of_length(self, tokens: int, count: int, texts: Sequence[str]) -> list[str]:
        """Make `count` different texts of exactly `tokens` tokens, special ones included, from the words of `texts`.

        Raises ValueError if `texts` have too few words.
        """
        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        words = " ".join(texts).split()
        starts = range(0, len(words) - tokens, max(1, (len(words) - tokens) // count))
        if len(starts) < count:
            raise ValueError(f"{len(texts)} texts are too few for {count} texts of {tokens} tokens")
        return [_cut(tokenizer, words[start : start + tokens], tokens) for start in starts[:count]]


def _cut(tokenizer: Tokenizer, words: Sequence[str], tokens: int) -> str:
    """Join the first words that fit into `tokens` tokens, and fill up with "a", one token in every vocabulary."""

    def length(end: int) -> int:
        return len(tokenizer.encode(" ".join(words[:end])).ids)

    text = " ".join(words[: bisect_right(range(len(words)), tokens, key=length) - 1])
    return text + " a" * (tokens - len(tokenizer.encode(text).ids))
