"""The vectors of a run that may be interrupted, kept beside its output, so that the next run goes on behind them.

The folder `OUTPUT.parts` has three files. `run.json` says which artifact and options the vectors are of. `vectors.bin`
has the vectors of one group of rows after the other, float32. `groups.jsonl` has a line a group, written when its
vectors are there: the number of its rows, and the sha256 of its texts and of its vectors.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from biobert_onnx._atomic_files import WRITE_ERRORS, atomic_file, locked, naming
from biobert_onnx._file_status import exists
from biobert_onnx._types import FloatArray, Text
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.pipeline import Progress
from biobert_onnx.errors import TextTooLongError, short_repr
from biobert_onnx.files.rows import InputError, Rows

RUN, VECTORS, GROUPS = "run.json", "vectors.bin", "groups.jsonl"
FORMAT = 1

COMPUTED_ANEW = 8
"""Texts of the first group whose vectors are computed again: bits of another CPU or version of a library differ."""

Encode = Callable[[Iterable[Rows], Progress[Rows] | None], Generator[tuple[Rows, FloatArray], None, None]]
"""What computes vectors: `SentenceEncoder.encode_groups` with its options."""

Run = Mapping[str, Any]
"""What the vectors of a run depend on beside its texts, by name."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group of rows whose vectors are kept."""

    rows: int
    texts_sha256: str
    vectors_sha256: str


def kept_folder(output: Path) -> Path:
    """Return the folder in which the vectors for `output` are kept until it is whole."""
    return output.with_name(f"{output.name}.parts")


def run_of(encoder: SentenceEncoder, *, prompt: str, normalize: bool, dim: int, long_texts: str) -> Run:
    """Return what the vectors of a run with `encoder` and these options depend on, beside its texts."""
    manifest = json.dumps(asdict(encoder.manifest), sort_keys=True)
    return {
        "format": FORMAT,
        "artifact": hashlib.sha256(manifest.encode()).hexdigest(),
        "engine": encoder.engine,
        "max_length": encoder.max_length,
        "literal_special_tokens": encoder.literal_special_tokens,
        "prompt": prompt,
        "normalize": normalize,
        "dim": dim,
        "long_texts": long_texts,
    }


class KeptVectors:
    """The vectors that are kept in one folder: those of a run before, which are taken first, then those of this one."""

    def __init__(self, folder: Path, dim: int, groups: Sequence[Group], vectors: IO[bytes], lines: IO[bytes]) -> None:
        self._folder, self._dim = folder, dim
        self._groups, self._vectors, self._lines = groups, vectors, lines
        self.rows = sum(group.rows for group in groups)

    @classmethod
    @contextmanager
    def open(cls, output: Path, run: Run) -> Iterator[Self]:
        """Open the folder for `output` in the block, a new one if there is none; if the block ends well, remove it.

        If the block does not end well, the folder stays, unless nothing is kept in it.

        Raises ValueError if it holds vectors of another `run`, or if another process writes into it.
        """
        folder = kept_folder(output)
        with naming(folder):
            folder.mkdir(exist_ok=True)
        kept = None
        try:
            with ExitStack() as stack:
                lines = stack.enter_context(_opened(folder / GROUPS))
                if not locked(lines.fileno()):
                    raise ValueError(f"'{folder}' is in use: another process writes '{output}'; wait for it, or end it")
                _check_run(folder, run)
                vectors = stack.enter_context(_opened(folder / VECTORS))
                kept = cls(folder, run["dim"], _whole_groups(vectors, lines, run["dim"]), vectors, lines)
                with naming(folder, WRITE_ERRORS):
                    yield kept
        except BaseException:
            if kept is not None and not kept.rows:
                shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)

    def go_on(
        self, encode: Encode, groups: Iterable[Rows], progress: Progress[Rows]
    ) -> Generator[tuple[Rows, FloatArray], None, None]:
        """Return what `encode` gives for `groups`: of the first ones what is kept, and from then on it is kept, too.

        `encode` is called at once and raises for its options. The generator raises InputError if texts are others than
        those that the vectors were made from, ValueError if these are computed with other bits now.
        """
        behind = iter(groups)
        return self._all(encode, behind, encode(behind, progress))

    def _all(
        self, encode: Encode, groups: Iterator[Rows], rest: Generator[tuple[Rows, FloatArray], None, None]
    ) -> Generator[tuple[Rows, FloatArray], None, None]:
        before = self.rows
        for number, (rows, vectors) in enumerate(self._taken(groups)):
            if number == 0:
                self._check_bits(encode, rows, vectors)
            yield rows, vectors
        try:
            with closing(rest):
                for rows, vectors in rest:
                    self._add(rows, vectors)
                    yield rows, vectors
        except TextTooLongError as error:  # it counts the texts that `encode` was given
            raise error.at(before + error.index, argument="texts") from None

    def _taken(self, groups: Iterator[Rows]) -> Iterator[tuple[Rows, FloatArray]]:
        """Yield the first of `groups`, one for each that is kept, with the vectors (rows, dim) that are kept of it."""
        self._vectors.seek(0)
        for group in self._groups:
            rows = next(groups, None)
            if rows is None or _texts_sha256(rows.texts) != group.texts_sha256:
                place = "" if rows is None else f" from line or row {rows.numbers[0]:,} on"
                raise InputError(
                    f"the input is another one than when '{self._folder}' was written{place}: give the one of that "
                    "time, or remove the folder to begin anew"
                )
            vectors = np.frombuffer(self._vectors.read(4 * group.rows * self._dim), dtype=np.float32)
            yield rows, vectors.reshape(group.rows, self._dim)

    def _check_bits(self, encode: Encode, rows: Rows, kept: FloatArray) -> None:
        """Raise ValueError unless `encode` gives the first of `rows` the vectors that are `kept` of them."""
        first = replace(rows, texts=rows.texts[:COMPUTED_ANEW])
        with closing(encode([first], None)) as computing:
            _, computed = next(computing)
        if not np.array_equal(kept[: len(computed)], computed):
            raise ValueError(
                f"the vectors in '{self._folder}' have other bits than those that are computed now: they come from "
                "another CPU or another version; go on there, or remove the folder to begin anew"
            )

    def _add(self, rows: Rows, vectors: FloatArray) -> None:
        """Keep the `vectors` (rows, dim) of `rows`, the group behind all that are kept."""
        content = vectors.tobytes()
        self._vectors.write(content)
        self._vectors.flush()
        group = Group(rows=len(rows.texts), texts_sha256=_texts_sha256(rows.texts), vectors_sha256=_sha256(content))
        self._lines.write(json.dumps(asdict(group)).encode() + b"\n")
        self._lines.flush()
        self.rows += len(rows.texts)


def _opened(path: Path) -> IO[bytes]:
    """Open a file to read and to add to, a new one if there is none."""
    with naming(path.parent):
        path.touch()
        return path.open("r+b")


def _check_run(folder: Path, run: Run) -> None:
    """Write `run` into `folder`, or raise ValueError if another one is there."""
    path = folder / RUN
    if not exists(path):
        with atomic_file(path) as file:
            file.write(json.dumps(run).encode() + b"\n")
        return
    try:
        kept = json.loads(path.read_bytes())
        differing = [name for name in run if kept[name] != run[name]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"'{path}' is damaged: remove the folder to begin anew") from error
    for name in differing:
        raise ValueError(
            f"'{folder}' holds vectors of another run: its {name} was {short_repr(kept[name])}, and now is "
            f"{short_repr(run[name])}; give what was given then, or remove the folder to begin anew"
        )


def _whole_groups(vectors: IO[bytes], lines: IO[bytes], dim: int) -> list[Group]:
    """Return the groups up to the first one that is not whole, and cut both files behind them."""
    groups: list[Group] = []
    end_of_lines = end_of_vectors = 0
    for line in lines:
        group = _group(line)
        if group is None or _sha256(vectors.read(4 * dim * group.rows)) != group.vectors_sha256:
            break
        groups.append(group)
        end_of_lines, end_of_vectors = end_of_lines + len(line), end_of_vectors + 4 * dim * group.rows
    for file, end in ((vectors, end_of_vectors), (lines, end_of_lines)):
        file.seek(end)
        file.truncate()
    return groups


def _group(line: bytes) -> Group | None:
    """Return what a line of GROUPS says; None if it was not written to its end, or is none."""
    try:
        group = Group(**json.loads(line)) if line.endswith(b"\n") else None
    except (ValueError, TypeError, RecursionError):
        return None
    return group


def _texts_sha256(texts: Sequence[Text]) -> str:
    return _sha256(json.dumps(texts).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
