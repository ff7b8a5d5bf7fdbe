"""One Spark session on two cores for all tests; without Java they skip."""

import gc
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from biobert_onnx.catalog.names import DEFAULT as MODEL
from tests.runtime.spark import worker_daemon
from tests.runtime.spark.cluster_job import session


@pytest.fixture(scope="package")
def spark() -> Iterator[SparkSession]:
    """A session on local[2] whose Python workers are this interpreter; nothing of it is left for other tests.

    py4j frees a Java object in a finalizer, where a later test's KeyboardInterrupt would be lost.
    """
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17, and there is no java on the PATH")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        started = session("local[2]", {"spark.python.daemon.module": worker_daemon.__name__})
        yield started
        started.stop()
    gc.collect()


@pytest.fixture(scope="session")
def models(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the tests' artifact under Spark NLP's name."""
    folder = tmp_path_factory.mktemp("models")
    (folder / MODEL).symlink_to(artifact)
    return folder
