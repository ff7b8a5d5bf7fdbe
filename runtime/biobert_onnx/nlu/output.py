"""A table in, a file out."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from biobert_onnx._atomic_files import atomic_file, check_output_file
from biobert_onnx._extras import requires_extra
from biobert_onnx._file_status import is_folder
from biobert_onnx._types import FloatArray
from biobert_onnx.nlu.data import arrow_table

if TYPE_CHECKING:
    import pandas as pd


def checked_path(output_path: str | os.PathLike[str]) -> Path | None:
    """Return where the table is written, None for ""; raises before anything is computed if it cannot be.

    Raises ValueError for an ending that no format has and for a FIFO or device, FileNotFoundError without its folder,
    IsADirectoryError for a folder.
    """
    if not os.fspath(output_path):
        return None
    path = Path(output_path)
    if path.suffix not in FORMATS:
        raise ValueError(f"output_path is '{path}', expected a name that ends with {' or '.join(FORMATS)}")
    if is_folder(path):
        raise IsADirectoryError(f"output_path is '{path}', a folder: give the name of a new file")
    check_output_file(path)
    return path


def check_writable(kept: "pd.DataFrame", path: Path) -> None:
    """Raise ValueError if columns or the index of `kept`, which the table will have, cannot lie in the file `path`."""
    if path.suffix == ".parquet":
        with requires_extra("parquet", by="a table in a Parquet file"):
            import pyarrow  # noqa: F401
        arrow_table(kept, f"cannot lie in '{path}'", preserve_index=True)


def write_table(table: "pd.DataFrame", path: Path, vectors: str | None) -> None:
    """Write the table with its index; `vectors` is the name of its column of vectors, if it has one.

    The file takes its name when it is whole. Raises OSError if it cannot be written.
    """
    with atomic_file(path) as file:
        FORMATS[path.suffix](table, file, vectors)


def _write_parquet(table: "pd.DataFrame", file: IO[bytes], vectors: str | None) -> None:
    """Write vectors as lists of float32, and those of the sentences of a document as lists of these."""
    with requires_extra("parquet", by="a table in a Parquet file"):
        import pyarrow  # noqa: F401  pandas would name it, but not the extra
    if vectors is not None:
        table = table.assign(**{vectors: [[*vector] if vector.ndim == 2 else vector for vector in table[vectors]]})
    table.to_parquet(file, engine="pyarrow")


def _write_csv(table: "pd.DataFrame", file: IO[bytes], vectors: str | None) -> None:
    """Write vectors as JSON, with the fewest digits that give the same float32."""
    if vectors is not None:
        table = table.assign(**{vectors: [_json(vector) for vector in table[vectors]]})
    table.to_csv(file, lineterminator="\n")  # pandas would take the system's


def _json(vector: FloatArray) -> str:
    return f"[{', '.join(str(each) if vector.ndim == 1 else _json(each) for each in vector)}]"


FORMATS: Mapping[str, Callable[["pd.DataFrame", IO[bytes], str | None], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
}
"""What writes a file, by the ending of its name."""
