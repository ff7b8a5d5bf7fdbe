"""Packages that an extra of this project brings: one that is missing is told with the extra's name."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needed_extra(extra: str, *, by: str) -> Iterator[None]:
    """A package that the block does not find is a ModuleNotFoundError: what is called `by` needs the `extra`."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        raise ModuleNotFoundError(
            f"{by} needs the extra '{extra}' ({missing} is missing): pip install 'biobert-onnx[{extra}]'"
        ) from error
