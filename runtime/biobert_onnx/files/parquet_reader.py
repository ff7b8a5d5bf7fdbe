"""Texts from Parquet tables, with pyarrow: the extra `parquet`."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from biobert_onnx._extras import requires_extra
from biobert_onnx.files.rows import Record, Rows, check_names, check_text

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

READ_BUFFER = 2**20
"""Bytes of a column read at a time. Without it, or with pre_buffer, pyarrow holds whole columns of a row group: 249 MiB
instead of 87 on a row group of 162 MiB."""


class ParquetReader:
    """The rows of the Parquet file `source`; the strings of `column` are the texts."""

    columns: tuple[str, ...] | None = None
    option = "--column"

    def __init__(self, source: str, column: str) -> None:
        """Read the schema; raises ValueError if the file is no Parquet, or `column` is missing or holds no strings."""
        require_pyarrow()
        import pyarrow.parquet

        self.name = f"'{source}'"
        self._source = source
        self._column = column
        try:
            self.schema = pyarrow.parquet.read_schema(source)
        except (OSError, pyarrow.ArrowException) as error:
            raise ValueError(f"{self.name} is no Parquet file ({_reason(error)})") from error
        check_names(self.name, self.schema.names, column, self.option)
        kind = self.schema.field(column).type
        if not _is_string(kind):
            raise ValueError(
                f"{self.name}: column {column!r} is of type {kind}, expected strings: cast it, or choose another"
            )

    def chunks(self, size: int) -> Iterator[Rows]:
        """Every row, `size` rows at a time, fewer at the end; raises ValueError that names a row without a text."""
        import pyarrow.parquet

        done = 0
        with pyarrow.parquet.ParquetFile(self._source, buffer_size=READ_BUFFER, pre_buffer=False) as file:
            for table in self._tables(file, size):
                texts = table.column(self._column).to_pylist()
                if None in texts:
                    check_text(f"{self.name}, row {done + texts.index(None) + 1}", self._column, None)
                done += len(texts)
                yield Rows(texts=texts, content=table, share=done / file.metadata.num_rows)

    def to_records(self) -> Callable[[Any], list[Record]]:
        """What makes records of a table, times and decimals as strings; raises ValueError for types JSON has not."""
        import pyarrow

        schema = pyarrow.schema([field.with_type(self._json_type(field)) for field in self.schema])
        return lambda table: table.cast(schema).to_pylist()

    def _tables(self, file: "pyarrow.parquet.ParquetFile", size: int) -> Iterator["pyarrow.Table"]:
        """Tables of `size` rows: a batch of pyarrow's may be smaller, where a dictionary or a buffer ends."""
        import pyarrow

        rest = self.schema.empty_table()
        try:
            for batch in file.iter_batches(batch_size=size, use_threads=False):
                batch.validate(full=True)  # reading does not look whether strings are UTF-8
                rest = pyarrow.concat_tables([rest, pyarrow.Table.from_batches([batch])])
                while rest.num_rows >= size:
                    yield rest.slice(0, size)
                    rest = rest.slice(size)
        except (OSError, pyarrow.ArrowException) as error:
            raise ValueError(f"{self.name} is damaged ({_reason(error)}): write it again") from error
        if rest.num_rows:
            yield rest

    def _json_type(self, field: "pyarrow.Field") -> "pyarrow.DataType":
        import pyarrow

        kind = field.type
        if pyarrow.types.is_decimal(kind) or (pyarrow.types.is_temporal(kind) and not pyarrow.types.is_interval(kind)):
            return pyarrow.string()
        if not _has_json_form(kind):
            raise ValueError(
                f"{self.name}: column {field.name!r} is of type {kind}, which JSON does not have: drop the column, "
                "or write .parquet"
            )
        return kind


def _reason(error: Exception) -> str:
    """The first line of what pyarrow says."""
    return str(error).partition("\n")[0]


def require_pyarrow() -> None:
    """Raise ModuleNotFoundError that names the extra if pyarrow is missing."""
    with requires_extra("parquet", by="Parquet"):
        import pyarrow.parquet  # noqa: F401


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
