"""What tests must know of the engines: whether the kernels run here."""

import pytest

from biobert_onnx.kernels.library import KernelsUnavailableError, find_kernel


def why_no_kernels() -> str:
    """Why the kernels do not run here; empty if they do."""
    try:
        find_kernel()
    except KernelsUnavailableError as error:
        return str(error)
    return ""


needs_kernels = pytest.mark.skipif(bool(why_no_kernels()), reason=f"no kernels: {why_no_kernels()}")
"""Skips a test where the kernels do not run."""
