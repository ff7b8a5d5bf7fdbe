"""Servers that several tests ask; each file is skipped where the extra is not installed."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.servers import Server, running

if any(find_spec(package) is None for package in ("uvicorn", "starlette", "prometheus_client", "orjson")):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="package")
def server(artifact: Path) -> Iterator[Server]:
    with running(artifact) as server:
        yield server
    assert not re.search("Traceback|[Ww]arning|ERROR", "".join(server.log)), "".join(server.log)


@pytest.fixture(scope="package")
def prompting_server(prompted_artifact: Path) -> Iterator[Server]:
    with running(prompted_artifact, BIOBERT_ONNX_LONG_TEXTS="truncate") as server:
        yield server
