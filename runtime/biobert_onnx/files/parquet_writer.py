"""Texts and vectors into Parquet tables, with pyarrow: the extra `parquet`."""

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.encoding.texts import CHUNK_TEXTS as CHUNK
from biobert_onnx.files.parquet_reader import ParquetReader, require_pyarrow
from biobert_onnx.files.rows import EMBEDDING, Reader, Rows

if TYPE_CHECKING:
    import pyarrow

ROW_GROUP = 8192
"""Rows in one row group: 25 MB at 768 dimensions; smaller ones would make the file's index large and reading slow."""


class ParquetWriter:
    """Writes the rows of `reader` with the column `embedding`, fixed_size_list<float>[dim], into `file`."""

    def __init__(self, file: IO[bytes], reader: Reader, dim: int) -> None:
        """Start the table; raises ValueError if the rows of `reader` do not fit one. JSON lines are read for it."""
        require_pyarrow()
        import pyarrow.parquet

        self._dim = dim
        self._schema = _schema(reader)
        self._field = pyarrow.field(EMBEDDING, pyarrow.list_(pyarrow.float32(), dim))
        try:
            self._writer = pyarrow.parquet.ParquetWriter(
                file,
                self._schema.append(self._field),
                use_dictionary=self._schema.names,  # vectors do not repeat: a dictionary of them made files 5 % larger
            )
        except pyarrow.ArrowException as error:
            raise ValueError(f"{reader.name} does not fit a Parquet table ({error}): write .jsonl") from error
        self._waiting: list[pyarrow.Table] = []

    def write(self, rows: Rows, embeddings: NDArray[np.float32]) -> None:
        """Add `rows` with their vectors (rows, dim)."""
        import pyarrow

        table = rows.content
        if not isinstance(table, pyarrow.Table):
            table = pyarrow.Table.from_pylist(table, schema=self._schema)
        vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(embeddings.ravel()), self._dim)
        self._waiting.append(table.append_column(self._field, vectors))
        if sum(len(table) for table in self._waiting) >= ROW_GROUP:
            self._write_row_group()

    def close(self) -> None:
        """Write what waits, and the end of the file."""
        if self._waiting:
            self._write_row_group()
        self._writer.close()

    def _write_row_group(self) -> None:
        import pyarrow

        self._writer.write_table(pyarrow.concat_tables(self._waiting))
        self._waiting.clear()


def _schema(reader: Reader) -> "pyarrow.Schema":
    import pyarrow

    if isinstance(reader, ParquetReader):
        return reader.schema
    if reader.columns is not None:
        return pyarrow.schema([(name, pyarrow.string()) for name in reader.columns])
    return _inferred_schema(reader)


def _inferred_schema(reader: Reader) -> "pyarrow.Schema":
    """One type for each name in any of the records of `reader`, all of which are read for it."""
    import pyarrow

    schema = pyarrow.schema([])
    for rows in reader.chunks(CHUNK):
        names = dict.fromkeys(name for record in rows.content for name in record)
        fields = [(name, _type_of(reader, name, [record.get(name) for record in rows.content])) for name in names]
        try:
            schema = pyarrow.unify_schemas([schema, pyarrow.schema(fields)], promote_options="permissive")
        except pyarrow.ArrowException as error:
            raise ValueError(f"{reader.name}: {error}: a Parquet column has one type; write .jsonl") from error
    return schema


def _type_of(reader: Reader, name: str, values: Sequence[Any]) -> "pyarrow.DataType":
    import pyarrow

    try:
        return pyarrow.array(values).type
    except (pyarrow.ArrowException, OverflowError) as error:
        raise ValueError(f"{reader.name}: {name!r}: {error}: a Parquet column has one type; write .jsonl") from error
