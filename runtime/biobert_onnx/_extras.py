"""The error for a package that is missing: it names the extra of this project that installs it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def requires_extra(extra: str, *, by: str) -> Iterator[None]:
    """Import packages of `extra` in the block; one that is missing raises ModuleNotFoundError with the remedy.

    `by` names, in the message, what needs the extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        raise ModuleNotFoundError(
            f"{by} needs the extra '{extra}' ({missing} is missing): pip install '.[{extra}]' in the checkout of "
            "biobert-onnx"
        ) from error
