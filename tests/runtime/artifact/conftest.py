"""A copy of the artifact that a test may damage."""

from pathlib import Path

import pytest

from tests.support.damage import copied


@pytest.fixture
def folder(artifact: Path, tmp_path: Path) -> Path:
    """A copy of the artifact to damage."""
    return copied(artifact, tmp_path / "artifact")
