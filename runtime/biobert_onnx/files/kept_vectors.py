"""The vectors of a run that may be interrupted, kept beside its output, so that the next run goes on behind them.

The folder `OUTPUT.parts` has three files. `run.json` says which artifact and options the vectors are of; it is written
first and removed last. `vectors.bin` has the vectors of one group of rows after the other, float32. `groups.jsonl` has
a line a group, written when its vectors are there: the number of its rows, and the sha256 of its texts and of its
vectors.

A folder that holds anything else is none of ours: nothing is written there, and nothing removed.
"""

import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from biobert_onnx._atomic_files import WRITE_ERRORS, locked, naming
from biobert_onnx._file_status import exists, is_file, is_folder, is_link
from biobert_onnx._types import FloatArray, Text
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.pipeline import Progress
from biobert_onnx.encoding.texts import CHUNK_TEXTS
from biobert_onnx.errors import TextTooLongError, short_repr
from biobert_onnx.files.rows import InputError, Rows

RUN, VECTORS, GROUPS = "run.json", "vectors.bin", "groups.jsonl"
NAMES = (GROUPS, VECTORS, RUN)
"""The files, in the order in which they are removed."""

FORMAT = 1

OTHERS = {"format": "of another version of biobert-onnx", "artifact": "with another artifact"}
"""What differs in a run, where it is no argument."""

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


def are_vectors_kept(output: Path) -> bool:
    """Whether the folder for `output` has vectors of a run that did not come to its end."""
    groups = kept_folder(output) / GROUPS
    return is_file(groups) and groups.stat().st_size > 0


def check_unused(output: Path) -> None:
    """Raise ValueError if another process writes `output` and keeps its vectors: it would replace what is written."""
    groups = kept_folder(output) / GROUPS
    with suppress(OSError), groups.open("rb") as file:
        _check_unused(file, kept_folder(output), output)


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
        "truncate_dim": dim,
        "long_texts": long_texts,
    }


class KeptVectors:
    """The vectors that are kept in one folder: those of a run before, which are taken first, then those of this one.

    `resumed`: the vectors of the run before that were taken.
    """

    def __init__(self, folder: Path, dim: int, groups: list[Group], vectors: IO[bytes], lines: IO[bytes]) -> None:
        self._folder, self._dim = folder, dim
        self._groups, self._vectors, self._lines = groups, vectors, lines
        self.resumed = 0

    @classmethod
    @contextmanager
    def open(cls, output: Path, run: Run) -> Iterator[Self]:
        """Open the folder for `output` in the block, a new one if there is none; if the block ends well, remove it.

        If the block does not end well, the folder stays, unless nothing is kept in it.

        Raises ValueError if it holds vectors of another `run`, or what is no such vectors, or if another process writes
        into it.
        """
        folder = kept_folder(output)
        _check_folder(folder)
        with naming(folder):
            folder.mkdir(exist_ok=True)
        try:
            with ExitStack() as stack:
                lines = stack.enter_context(_opened(folder / GROUPS))
                _check_unused(lines, folder, output)
                _check_run(folder, run, has_groups=bool(lines.read(1)))
                lines.seek(0)
                vectors = stack.enter_context(_opened(folder / VECTORS))
                dim = run["truncate_dim"]
                yield cls(folder, dim, _whole_groups(vectors, lines, dim), vectors, lines)
        except _UsedError:
            raise
        except BaseException:
            if not are_vectors_kept(output):
                _remove(folder)
            raise
        with naming(folder):
            _remove(folder)

    @property
    def rows(self) -> int:
        """The rows whose vectors are kept."""
        return sum(group.rows for group in self._groups)

    def go_on(
        self, encode: Encode, groups: Iterable[Rows], progress: Progress[Rows]
    ) -> Generator[tuple[Rows, FloatArray], None, None]:
        """Return what `encode` gives for `groups`: of the first ones what is kept, and from then on it is kept, too.

        `encode` is called at once and raises for its options. The generator raises InputError if texts are others than
        those that the vectors were made from, ValueError if these are computed with other bits now. The last group that
        is kept may have other texts, as rows may have been added behind it: it is computed again.
        """
        waiting, read = list[Rows](), iter(groups)
        behind = chain(waiting, read)  # which looks into `waiting` when `encode` asks for its first group
        return self._all(encode, read, waiting, encode(behind, progress))

    def _all(
        self,
        encode: Encode,
        groups: Iterator[Rows],
        waiting: list[Rows],
        rest: Generator[tuple[Rows, FloatArray], None, None],
    ) -> Generator[tuple[Rows, FloatArray], None, None]:
        """Yield what is kept of `groups`, then the `rest`; a group that has to be computed again goes to `waiting`."""
        for number, (rows, vectors) in enumerate(self._taken(groups, waiting)):
            if number == 0:
                self._check_bits(encode, rows, vectors)
            yield rows, vectors
        before = self.rows
        try:
            with closing(rest):
                for rows, vectors in rest:
                    self._add(rows, vectors)
                    yield rows, vectors
        except TextTooLongError as error:  # it counts the texts that `encode` was given
            raise error.at(before + error.index, argument="texts") from None

    def _taken(self, groups: Iterator[Rows], waiting: list[Rows]) -> Iterator[tuple[Rows, FloatArray]]:
        """Yield the first of `groups`, one for each that is kept, with the vectors (rows, dim) that are kept of it."""
        self._vectors.seek(0)
        for group in list(self._groups):
            rows = next(groups, None)
            if rows is None or len(rows.texts) != group.rows or _texts_sha256(rows.texts) != group.texts_sha256:
                if group is not self._groups[-1]:
                    raise self._other_input(rows)
                self._drop_last()
                waiting += [] if rows is None else [rows]
                return
            vectors = np.frombuffer(self._vectors.read(4 * group.rows * self._dim), dtype=np.float32)
            self.resumed += group.rows
            yield rows, vectors.reshape(group.rows, self._dim)

    def _other_input(self, rows: Rows | None) -> InputError:
        other = "fewer rows" if rows is None else f"other texts, from line or row {rows.numbers[0]:,} on,"
        return InputError(
            f"the input has {other} than when '{self._folder}' was written: give the one of that time, with the "
            "options that read it then, or remove the folder to begin anew"
        )

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
        texts_sha256 = _texts_sha256(rows.texts)
        group = Group(rows=len(rows.texts), texts_sha256=texts_sha256, vectors_sha256=_sha256(content))
        with naming(self._folder, WRITE_ERRORS):
            self._vectors.write(content)
            self._vectors.flush()
            self._lines.write(json.dumps(asdict(group)).encode() + b"\n")
            self._lines.flush()
        self._groups.append(group)

    def _drop_last(self) -> None:
        """Forget the last group, and cut both files before it."""
        self._groups.pop()
        _cut(self._vectors, 4 * self._dim * self.rows)
        self._lines.seek(0)
        _cut(self._lines, sum(len(self._lines.readline()) for _ in self._groups))


class _UsedError(ValueError):
    """Another process writes into the folder."""


def _check_unused(lines: IO[bytes], folder: Path, output: Path) -> None:
    """Lock `lines`, the GROUPS in `folder`, until they are closed; raise ValueError if another process has done so."""
    if not locked(lines.fileno()):
        raise _UsedError(f"'{folder}' is in use: another process writes '{output}'; wait for it, or end it")


def _check_folder(folder: Path) -> None:
    """Raise ValueError if something lies at `folder` that is no folder of kept vectors."""
    if is_link(folder) or (exists(folder) and not is_folder(folder)):
        raise ValueError(f"'{folder}' is in the way of the folder for the vectors: move it, or name another output")
    for path in sorted(folder.iterdir()) if is_folder(folder) else ():
        if path.name not in NAMES or is_link(path) or not is_file(path):
            raise ValueError(
                f"'{folder}' holds '{path.name}', which is no file of kept vectors: move it, or name another output"
            )


def _opened(path: Path) -> IO[bytes]:
    """Open a file to read and to add to, a new one if there is none; no link is followed."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with naming(path):
        return os.fdopen(os.open(path, flags, 0o666), "r+b")


def _check_run(folder: Path, run: Run, *, has_groups: bool) -> None:
    """Write `run` into `folder`; if it has groups already, raise ValueError unless they are of this run."""
    path = folder / RUN
    if not has_groups:
        with naming(folder, WRITE_ERRORS), _opened(path) as file:
            _cut(file, 0)
            file.write(json.dumps(run).encode() + b"\n")
        return
    try:
        kept = json.loads(path.read_bytes())
        differing = [name for name in run if kept[name] != run[name]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"'{path}' cannot be read, or is damaged: remove the folder to begin anew") from error
    for name in differing:
        then, now = short_repr(kept[name]), short_repr(run[name])
        what = OTHERS.get(name, f"with {name}={then} then, and {name}={now} now")
        raise ValueError(
            f"'{folder}' holds vectors of another run, {what}: give what was given then, or remove the folder to begin "
            "anew"
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
    _cut(vectors, end_of_vectors)
    _cut(lines, end_of_lines)
    return groups


def _group(line: bytes) -> Group | None:
    """Return what a line of GROUPS says; None if it was not written to its end, or is none."""
    try:
        group = Group(**json.loads(line)) if line.endswith(b"\n") else None
    except (ValueError, TypeError, RecursionError):
        return None
    return group if group is not None and type(group.rows) is int and 1 <= group.rows <= CHUNK_TEXTS else None


def _cut(file: IO[bytes], end: int) -> None:
    """Let `file` end there, and be written from there on."""
    file.seek(end)
    file.truncate()


def _remove(folder: Path) -> None:
    """Remove the files of `folder`, and `folder` if nothing else is in it."""
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # somebody else has put something there, or begins anew
        folder.rmdir()


def _texts_sha256(texts: Sequence[Text]) -> str:
    return _sha256(json.dumps(texts).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
