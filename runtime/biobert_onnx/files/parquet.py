"""Parquet tables, read and written with pyarrow: the extra `parquet`."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._extras import requires_extra
from biobert_onnx._types import FloatArray, Text
from biobert_onnx.encoding.texts import CHUNK_CHARACTERS, CHUNK_TEXTS, grouped
from biobert_onnx.encoding.token_vectors import TokenEmbeddings
from biobert_onnx.files.rows import (
    EMBEDDING,
    ENGINE,
    LAYERS,
    InputError,
    MissingTexts,
    Reader,
    Record,
    Rows,
    check_header,
    check_room,
    text_of_row,
)

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

READ_BUFFER = 2**20
"""Bytes of a column read at a time. Without it, or with pre_buffer, pyarrow holds whole columns of a row group: 249 MiB
instead of 87 on a row group of 162 MiB."""

ROW_GROUP = 8192
"""Vectors in a row group: 25 MB at 768 dimensions; smaller ones would make the file's index large and reading slow."""


class Place(NamedTuple):
    """Where a row is: its row in a table, and its number in the file, from 1."""

    table: "pyarrow.Table"
    row: int
    number: int


class ParquetReader:
    """The rows of the Parquet file `source`; the strings of `column` are the texts, or the first ones of pairs."""

    strings_only = False
    columns: tuple[str, ...] = ()
    can_reread = True

    def __init__(self, source: str, column: str, missing: MissingTexts, *, pair_column: str | None = None) -> None:
        """Read the schema; `pair_column` holds the second texts, if rows have pairs.

        Raises InputError if the file is no Parquet or a column of texts holds no strings, and as `check_header` does.
        """
        require_pyarrow()
        import pyarrow.parquet

        self.name = f"'{source}'"
        self.missing = missing
        self._source = source
        self._columns = (column,) if pair_column is None else (column, pair_column)
        try:
            self.schema = pyarrow.parquet.read_schema(source)
        except (OSError, pyarrow.ArrowException) as error:
            raise InputError(f"{self.name} is no Parquet file ({_reason(error)})") from error
        check_header(self.name, self.schema.names, self._columns)
        for each in self._columns:
            kind = self.schema.field(each).type
            if not _is_string(kind) and not pyarrow.types.is_null(kind):  # a column of nulls alone has no other type
                raise InputError(
                    f"{self.name}: column {each!r} is of type {kind}, expected strings: cast it, or choose another"
                )

    def place(self, number: int) -> str:
        """Return what messages call the row of this number, from 1."""
        return f"{self.name}, row {number}"

    def groups(self, *, max_rows: int = CHUNK_TEXTS) -> Generator[Rows, None, None]:
        """Yield every row with a text, in groups; raises InputError that names a row without one, or a damaged file."""
        self.missing.restart()
        with self._file() as file:
            for group in grouped(self._rows(self._tables(file, None)), max_rows=max_rows):
                texts, places = zip(*group, strict=True)
                numbers = [place.number for place in places]
                share = numbers[-1] / file.metadata.num_rows
                yield Rows(texts=list(texts), content=_table_of(places), numbers=numbers, share=share)

    def check(self, learn: Callable[[Rows], None], progress: Callable[[float | None], None]) -> int:
        """Look for missing texts; return the number of rows to encode, or raise InputError at the first missing one.

        The numbers of nulls that most writers leave in the file suffice; without them the column of texts is read.
        """
        self.missing.restart()
        with self._file() as file:
            if all(_has_no_nulls(file.metadata, column) for column in self._columns):
                return int(file.metadata.num_rows)
            return sum(1 for _ in self._rows(self._tables(file, self._columns)))

    def to_records(self) -> Callable[[Any], list[Record]]:
        """Return a function from tables to records, times and decimals as strings; InputError for types JSON lacks."""
        import pyarrow

        schema = pyarrow.schema([field.with_type(self._json_type(field)) for field in self.schema])
        return lambda table: table.cast(schema).to_pylist()

    def _file(self) -> "pyarrow.parquet.ParquetFile":
        import pyarrow.parquet

        return pyarrow.parquet.ParquetFile(self._source, buffer_size=READ_BUFFER, pre_buffer=False)

    def _rows(self, tables: Iterable["pyarrow.Table"]) -> Iterator[tuple[Text, Place]]:
        """Yield the text to encode and the place of each row that is not left out."""
        number = 0
        for table in tables:
            values = (table.column(column).to_pylist() for column in self._columns)
            for row, of_row in enumerate(zip(*values, strict=True)):
                number += 1
                place, named = self.place(number), zip(of_row, self._columns, strict=True)
                text = text_of_row(self.missing.text(value, column=column, place=place) for value, column in named)
                if text is not None:
                    yield text, Place(table, row, number)

    def _tables(self, file: "pyarrow.parquet.ParquetFile", columns: Sequence[str] | None) -> Iterator["pyarrow.Table"]:
        """Yield `columns`, None for all, in tables of few rows: at most those whose texts are a group on average."""
        import pyarrow

        size = _rows_at_a_time(file.metadata, self._columns)
        try:
            for batch in file.iter_batches(batch_size=size, columns=columns, use_threads=False):
                batch.validate(full=True)  # reading does not look whether strings are UTF-8
                yield pyarrow.Table.from_batches([batch])
        except (OSError, pyarrow.ArrowException) as error:
            raise InputError(f"{self.name} is damaged ({_reason(error)}): write it again") from error

    def _json_type(self, field: "pyarrow.Field") -> "pyarrow.DataType":
        import pyarrow

        kind = field.type
        if pyarrow.types.is_decimal(kind) or (pyarrow.types.is_temporal(kind) and not pyarrow.types.is_interval(kind)):
            return pyarrow.string()
        if not _has_json_form(kind):
            raise InputError(
                f"{self.name}: column {field.name!r} is of type {kind}, which JSON does not have: drop the column, "
                "or write .parquet"
            )
        return kind


class TableWriter:
    """Writes the rows of `reader` with further columns, the `fields`, into `file`.

    The `metadata` of the file, such as what computed the vectors, stands beside that of a Parquet file that was read.
    """

    def __init__(
        self, file: IO[bytes], reader: Reader, fields: Sequence["pyarrow.Field"], metadata: Mapping[str, str]
    ) -> None:
        """Raise ValueError if the types of the columns cannot be known, as `reader` is JSON that can be read once."""
        import pyarrow

        if not reader.strings_only and not reader.can_reread:
            raise ValueError(f"the types of {reader.name} are not known before its end: write .jsonl, or name a file")
        self._file = file
        self._reader = reader
        self._fields = fields
        self._metadata = metadata
        self._learnt = pyarrow.schema([])
        self._writer: pyarrow.parquet.ParquetWriter | None = None
        self._waiting: list[pyarrow.Table] = []
        self._waiting_vectors = 0

    def learn(self, rows: Rows) -> None:
        """Widen the types of the columns by those of `rows`; raises InputError if a column has two kinds of values."""
        import pyarrow

        if self._reader.strings_only:
            return
        names = dict.fromkeys(name for record in rows.content for name in record)
        fields = [(name, self._type_of(name, [record.get(name) for record in rows.content])) for name in names]
        try:
            unified = pyarrow.unify_schemas([self._learnt, pyarrow.schema(fields)], promote_options="permissive")
        except pyarrow.ArrowException as error:
            raise self._mixed_types(str(error)) from error
        self._learnt = unified

    def start(self) -> None:
        """Start the table; raises InputError if the rows do not fit one."""
        self._started()

    def _started(self) -> "pyarrow.parquet.ParquetWriter":
        import pyarrow.parquet

        if self._writer is None:
            schema = self._schema()
            check_room(self._reader.name, schema.names, [field.name for field in self._fields])
            whole = pyarrow.schema([*schema, *self._fields])
            try:
                self._writer = pyarrow.parquet.ParquetWriter(
                    self._file,
                    whole.with_metadata({**(schema.metadata or {}), **self._metadata}),
                    use_dictionary=schema.names,  # vectors do not repeat: a dictionary of them made files 5 % larger
                )
            except pyarrow.ArrowException as error:
                raise InputError(f"{self._reader.name} does not fit a Parquet table ({error}): write .jsonl") from error
        return self._writer

    def add(self, rows: Rows, columns: Sequence["pyarrow.Array"], *, vectors: int) -> None:
        """Add `rows` with their further `columns`, which hold so many `vectors`."""
        import pyarrow

        table = rows.content
        if not isinstance(table, pyarrow.Table):
            table = pyarrow.Table.from_pylist(table, schema=self._schema())
        for field, column in zip(self._fields, columns, strict=True):
            table = table.append_column(field, column)
        self._waiting.append(table)
        self._waiting_vectors += vectors
        if self._waiting_vectors >= ROW_GROUP:
            self._write_row_group()

    def finish(self) -> None:
        """Write what waits, and the end of the file."""
        self._started()
        if self._waiting:
            self._write_row_group()
        self.close()

    def close(self) -> None:
        """Close the table, finished or not: pyarrow would else write its end whenever the object is dropped."""
        if self._writer is not None:
            self._writer.close()

    def _write_row_group(self) -> None:
        import pyarrow

        self._started().write_table(pyarrow.concat_tables(self._waiting))
        self._waiting.clear()
        self._waiting_vectors = 0

    def _schema(self) -> "pyarrow.Schema":
        import pyarrow

        if isinstance(self._reader, ParquetReader):
            return self._reader.schema
        if self._reader.strings_only:
            return pyarrow.schema([(name, pyarrow.string()) for name in self._reader.columns])
        return self._learnt

    def _type_of(self, name: str, values: Sequence[Any]) -> "pyarrow.DataType":
        import pyarrow

        try:
            return pyarrow.array(values).type
        except (pyarrow.ArrowException, OverflowError) as error:
            raise self._mixed_types(f"{name!r}: {error}") from error

    def _mixed_types(self, reason: str) -> InputError:
        return InputError(f"{self._reader.name}: {reason}: a Parquet column has one type; write .jsonl")


class ParquetWriter(TableWriter):
    """Writes the rows of `reader` with the column `embedding`, fixed_size_list<float>[dim]."""

    def __init__(self, file: IO[bytes], reader: Reader, dim: int, engine: str) -> None:
        """Raise as TableWriter does, ModuleNotFoundError without pyarrow."""
        require_pyarrow()
        import pyarrow

        self._dim = dim
        field = pyarrow.field(EMBEDDING, pyarrow.list_(pyarrow.float32(), dim))
        super().__init__(file, reader, [field], {ENGINE: engine})

    def write(self, rows: Rows, embeddings: FloatArray) -> None:
        """Add `rows` with their vectors (rows, dim)."""
        self.add(rows, [_fixed_size_lists(embeddings)], vectors=len(embeddings))


class TokensWriter(TableWriter):
    """Writes the rows of `reader` with the vectors of their tokens, or words, as lists.

    `tokens`: the characters of each, "" for [CLS] and [SEP]. `token_embeddings`: lists of fixed_size_list<float>[dim].
    `token_offsets`: begin and end in the text. `token_word_ids` and `token_special`: as in `TokenEmbeddings`.
    """

    def __init__(self, file: IO[bytes], reader: Reader, dim: int, engine: str, layers: str) -> None:
        """Raise as ParquetWriter does; `layers` stands in the file's metadata, beside the engine."""
        require_pyarrow()
        import pyarrow as pa

        kinds = {
            "tokens": pa.string(),
            "token_embeddings": pa.list_(pa.float32(), dim),
            "token_offsets": pa.list_(pa.int64(), 2),
            "token_word_ids": pa.int64(),
            "token_special": pa.bool_(),
        }
        fields = [pa.field(name, pa.list_(kind)) for name, kind in kinds.items()]
        super().__init__(file, reader, fields, {ENGINE: engine, LAYERS: layers})

    def write(self, rows: Rows, items: Sequence[TokenEmbeddings]) -> None:
        """Add `rows` with the vectors of the tokens of each."""
        import pyarrow as pa

        ends = pa.array(np.cumsum([0, *map(len, items)]), pa.int32())
        tokens = [text[start:end] for text, item in zip(rows.texts, items, strict=True) for start, end in item.offsets]
        columns = (
            pa.array(tokens, pa.string()),
            _fixed_size_lists(np.concatenate([item.embeddings for item in items])),
            _fixed_size_lists(np.concatenate([item.offsets for item in items])),
            pa.array(np.concatenate([item.word_ids for item in items])),
            pa.array(np.concatenate([item.special for item in items])),
        )
        self.add(rows, [pa.ListArray.from_arrays(ends, column) for column in columns], vectors=len(tokens))


def _fixed_size_lists(rows: NDArray[Any]) -> "pyarrow.FixedSizeListArray":
    """Return the `rows` of an array (n, size) as n lists of that size."""
    import pyarrow

    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(rows.ravel()), rows.shape[1])


def require_pyarrow() -> None:
    """Raise ModuleNotFoundError that names the extra if pyarrow is missing."""
    with requires_extra("parquet", by="Parquet"):
        import pyarrow.parquet  # noqa: F401


def _table_of(places: Sequence[Place]) -> "pyarrow.Table":
    """Return the rows at `places` as one table, without a copy where they follow each other."""
    import pyarrow

    parts = []
    for _, group in groupby(places, key=lambda place: id(place.table)):
        rows = list(group)
        first, last = rows[0].row, rows[-1].row
        if last - first + 1 == len(rows):
            parts.append(rows[0].table.slice(first, len(rows)))
        else:
            parts.append(rows[0].table.take([place.row for place in rows]))
    return pyarrow.concat_tables(parts)


def _has_no_nulls(metadata: "pyarrow.parquet.FileMetaData", column: str) -> bool:
    """Whether the statistics of every row group say that `column` has no null."""
    all_statistics = [chunk.statistics for chunk in _chunks(metadata, column)]
    return len(all_statistics) == metadata.num_row_groups and all(
        statistics is not None and statistics.has_null_count and statistics.null_count == 0
        for statistics in all_statistics
    )


def _rows_at_a_time(metadata: "pyarrow.parquet.FileMetaData", columns: Sequence[str]) -> int:
    """Return how many rows hold CHUNK_CHARACTERS bytes of `columns` on average: 1 to CHUNK_TEXTS."""
    stored: int = sum(chunk.total_uncompressed_size for column in columns for chunk in _chunks(metadata, column))
    rows: int = metadata.num_rows
    return max(1, min(CHUNK_TEXTS, CHUNK_CHARACTERS * rows // max(stored, 1)))


def _chunks(metadata: "pyarrow.parquet.FileMetaData", column: str) -> list["pyarrow.parquet.ColumnChunkMetaData"]:
    """Return what the file says of `column` in each row group."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    places = [place for place in range(metadata.num_columns) if metadata.schema.column(place).path == column]
    return [group.column(place) for group in groups for place in places]


def _reason(error: Exception) -> str:
    """Return the first line of what pyarrow says."""
    return str(error).partition("\n")[0]


def _is_string(kind: "pyarrow.DataType") -> bool:
    import pyarrow

    types = pyarrow.types
    if types.is_dictionary(kind):
        return _is_string(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _has_json_form(kind: "pyarrow.DataType") -> bool:
    import pyarrow

    types = pyarrow.types
    if types.is_dictionary(kind):
        return _has_json_form(kind.value_type)
    if types.is_nested(kind):
        return all(_has_json_form(kind.field(index).type) for index in range(kind.num_fields))
    plain = (types.is_null, types.is_boolean, types.is_integer, types.is_floating)
    return _is_string(kind) or any(test(kind) for test in plain)
