"""`compare`: whether the vectors of one encoder fit those of another."""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from biobert_onnx._extras import requires_extra
from biobert_onnx._file_status import exists, is_file
from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.artifact.summary import sentence
from biobert_onnx.cli.arguments import add_length, add_reading, named_source, open_texts, text_formats
from biobert_onnx.cli.export import errors_of_jobs, tell
from biobert_onnx.cli.printing import counted, json_text, tell_missing
from biobert_onnx.comparison.agreement import LEAST_TEXTS, NEIGHBOURS
from biobert_onnx.comparison.figures import Angles, Comparison
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.errors import short_repr
from biobert_onnx.files.encode import EncodeGroups, count_texts, encode_array, find_text
from biobert_onnx.files.lines import STDIN
from biobert_onnx.files.npy import read_vectors
from biobert_onnx.files.rows import InputError, Reader

EXAMPLES = """\
examples:
  biobert-onnx compare biobert-int8 old-index.npy --texts abstracts.txt     # does biobert-int8 fit the old index?
  biobert-onnx compare biobert-int8 biobert-fp32 --texts abstracts.txt      # what does int8 cost on my texts?
  biobert-onnx compare biobert-int8 ./my-checkpoint --texts papers.jsonl --field abstract --json

A and B may also be a Hub id or a name of 'models'. The vectors of both stay in memory: texts x (dim of A + dim of B) x
4 bytes; comparing takes twice as much again, and 150 MB for each 100,000 texts.
"""

KINDS = ARRAY, CHECKPOINT, ARTIFACT = "array", "checkpoint", "artifact"
"""What may be compared: a .npy file of vectors, an artifact's folder, and anything else, which `export` would take.

In the order in which their vectors are taken: what is more likely to fail comes before what takes long.
"""

DIGITS = 6
"""Decimals of a figure in JSON."""

SHOWN_CHARACTERS = 200
"""Characters of the worst text in JSON."""

DIFFERENT_DIMS = "left out: cosines, and searches by A in the index of B, as {a} numbers cannot meet {b}"


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The texts that are compared, and how they are encoded; `max_length` None takes the encoder's own."""

    reader: Reader
    count: int
    max_length: int | None
    long_texts: str

    def encode(self, encode_groups: Callable[..., Any], dim: int) -> FloatArray:
        """Return the vectors that `encode_groups` of an encoder gives the texts, (texts, dim) float32."""
        encode: EncodeGroups = lambda groups, progress: encode_groups(  # noqa: E731
            groups, long_texts=self.long_texts, progress=progress
        )
        return encode_array(encode, self.reader, texts=self.count, dim=dim, show_progress=True)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two that are compared: its name, its kind, what it is in words, and its vectors (texts, dim)."""

    source: str
    kind: str
    description: str
    vectors: FloatArray


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    what = "an artifact's folder, a checkpoint (folder, .tar.gz, Hub id, name of 'models'), or a .npy file of vectors"
    parser.add_argument("a", type=named_source, metavar="A", help=f"the new encoder: {what}")
    parser.add_argument("b", type=named_source, metavar="B", help="the reference, such as your old index: the same")
    parser.add_argument(
        "--texts", required=True, metavar="FILE", help=f"a file: {text_formats()}; a .npy has a vector for each text"
    )
    add_reading(parser, by_default="by the file's ending")
    add_length(parser.add_argument_group("encoding"), by_default="that of each artifact or checkpoint")
    parser.add_argument("--json", action="store_true", help="print one object of JSON")


def run(options: argparse.Namespace) -> None:
    """Check everything that is cheap, then encode, compare, and print the figures."""
    if options.texts == STDIN:
        raise ValueError("--texts is '-', but the texts are read more than once: write them into a file")
    reader = open_texts(options.texts, options)
    kinds = {source: _kind(source, options.max_length) for source in (options.a, options.b)}
    texts = Texts(
        reader=reader,
        count=count_texts(reader, show_progress=True),
        max_length=options.max_length,
        long_texts=options.long_texts,
    )
    tell_missing(reader.missing.count, reader.missing.first, options.missing)
    if texts.count < LEAST_TEXTS:
        found = counted(texts.count, "text")
        raise InputError(f"{reader.name} has {found}, expected at least {LEAST_TEXTS}: give some hundreds")
    sides = {}
    for source in sorted(kinds, key=lambda source: KINDS.index(kinds[source])):
        description, vectors = VECTORS[kinds[source]](source, texts)
        sides[source] = Side(source=source, kind=kinds[source], description=description, vectors=vectors)
    a, b = sides[options.a], sides[options.b]
    figures = Comparison.of(a.vectors, b.vectors)
    if options.json:
        print(json_text(_record(a, b, texts, figures), indent=2))
    else:
        print(*_lines(a, b, texts, figures), sep="\n")


def _kind(source: str, max_length: int | None) -> str:
    """Return what `source` is; raises what shows that it cannot be read, as far as that is cheap."""
    path = Path(source)
    if path.suffix.lower() == ".npy":
        if not exists(path):
            raise FileNotFoundError(f"no such file: '{source}', expected a .npy file of vectors")
        if not is_file(path):
            raise ValueError(f"'{source}' is no regular file, expected a .npy file of vectors")
        return ARRAY
    if exists(path / MANIFEST):
        manifest = Manifest.read(path)
        manifest.check_sizes(path)
        if max_length is not None:
            manifest.check_max_length(max_length)
        return ARTIFACT
    with _export_extra(source):
        import biobert_onnx_export  # noqa: F401  # for its errors alone
    return CHECKPOINT


def _export_extra(source: str) -> AbstractContextManager[None]:
    return requires_extra("export", by=f"'{source}', which is neither an artifact nor a .npy file,")


def _read(source: str, texts: Texts) -> tuple[str, FloatArray]:
    """Read the vectors of a .npy file."""
    vectors = read_vectors(Path(source), rows=texts.count, rows_of=texts.reader.name)
    return counted(vectors.shape[1], "dimension"), vectors


def _encode(source: str, texts: Texts) -> tuple[str, FloatArray]:
    """Encode the texts with an artifact, its default prompt before each."""
    with SentenceEncoder(source, max_length=texts.max_length) as encoder:
        description = f"{sentence(encoder.manifest)}, engine {encoder.engine}"
        return description, texts.encode(encoder.encode_groups, encoder.dim)


def _encode_in_float32(source: str, texts: Texts) -> tuple[str, FloatArray]:
    """Encode the texts with a checkpoint as its own files say, by the reference of the export."""
    with tempfile.TemporaryDirectory(prefix="biobert-onnx-") as folder, errors_of_jobs():
        with _export_extra(source):
            from biobert_onnx_export.reference.encoder import ReferenceEncoder

            encoder = ReferenceEncoder(source, Path(folder), max_length=texts.max_length)
        for rule in encoder.rules:
            tell(str(rule))
        description = f"a checkpoint in float32, {counted(encoder.dim, 'dimension')}, by {encoder.maker}"
        return description, texts.encode(encoder.encode_groups, encoder.dim)


VECTORS: Mapping[str, Callable[[str, Texts], tuple[str, FloatArray]]] = {
    ARRAY: _read,
    ARTIFACT: _encode,
    CHECKPOINT: _encode_in_float32,
}
"""How the vectors of each kind come about: what it is in words, and the vectors."""


def _lines(a: Side, b: Side, texts: Texts, figures: Comparison) -> Iterator[str]:
    """Yield the comparison for people."""
    yield f"A: {a.source}: {a.description}"
    yield f"B: {b.source}: {b.description}"
    yield f"texts: {figures.texts:,}, {texts.reader.name}"
    neighbourhood, angles = figures.neighbourhood, figures.angles
    if angles is not None:
        place, text = find_text(texts.reader, angles.worst)
        least = f"1st percentile {angles.cosine_p1:.5f}, least {angles.cosine_min:.5f}"
        yield f"cosine of A to B: mean {angles.cosine_mean:.5f}, {least}"
        yield f"worst text: {place}: {short_repr(text)}"
        yield f"centred cosine: mean {angles.centred_mean:.5f}, least {angles.centred_min:.5f}"
    yield f"neighbours kept: {neighbourhood.neighbours_kept:.1%} of the {NEIGHBOURS} nearest, each in its own index"
    if angles is not None:
        yield f"searches by A in the index of B: {angles.mixed_neighbours_kept:.1%} of the {NEIGHBOURS} nearest kept"
    yield f"rank correlation: {neighbourhood.rank_correlation:.5f}"
    if angles is None:
        yield DIFFERENT_DIMS.format(a=a.vectors.shape[1], b=b.vectors.shape[1])
    yield figures.conclusion


def _record(a: Side, b: Side, texts: Texts, figures: Comparison) -> dict[str, Any]:
    """Return the comparison for JSON; figures that need vectors of equal dimensions are null for others."""
    sides = {
        name: {
            "source": side.source,
            "kind": side.kind,
            "description": side.description,
            "dim": side.vectors.shape[1],
        }
        for name, side in (("a", a), ("b", b))
    }
    found: dict[str, Any] = {**ANGLES, **asdict(figures.neighbourhood)}
    if figures.angles is not None:
        found |= asdict(figures.angles)
        place, text = find_text(texts.reader, figures.angles.worst)
        found["worst"] = {"place": place, "text": text[:SHOWN_CHARACTERS]}
    rounded = {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in found.items()}
    return {**sides, "texts": figures.texts, **rounded, "conclusion": figures.conclusion}


ANGLES = dict.fromkeys(each.name for each in fields(Angles))
"""The figures that need vectors of equal dimensions, each null."""
