"""Artifacts inside saved stages: copied and fetched through Hadoop's file systems, and shipped to executors."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_STORED, ZipFile

from py4j.protocol import Py4JJavaError
from pyspark import SparkContext, SparkFiles

from biobert_onnx._file_status import is_file
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import MANIFEST, inside
from biobert_onnx.errors import ArtifactError
from biobert_onnx.spark.worker import local_folder, read_manifest

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject

FOLDER = "artifact"
"""The folder in a saved stage that holds its artifact."""


def shipped_name(artifact: Path) -> str:
    """Return the name under which executors get `artifact`: two artifacts have two names, equal ones have one.

    The manifest holds the sha256 of every other file, so its own tells artifacts apart.
    """
    return f"biobert-onnx-{hashlib.sha256((artifact / MANIFEST).read_bytes()).hexdigest()[:32]}"


def save_artifact(artifact: str, stage_folder: str) -> str:
    """Copy `artifact` into the folder of a stage that is being saved; return its `shipped_name`.

    `stage_folder`: a path or URI of any file system that Hadoop knows here. The manifest is copied last.

    Raises ArtifactError if the artifact is incomplete or there is something at `stage_folder`, RuntimeError over Spark
    Connect.
    """
    manifest, source = read_manifest(artifact), local_folder(artifact)
    target = HadoopFolder(stage_folder)
    if target.exists():
        raise ArtifactError(f"'{stage_folder}' exists: give another path, or save with write().overwrite().save(path)")
    for name in (*manifest.files, MANIFEST):
        target.put(source / name, f"{FOLDER}/{name}")
    return shipped_name(source)


def ship(folder: str) -> str:
    """Fetch the artifact in `folder`, a path or URI of Hadoop's, to the driver; ship it; return its shipped name.

    Every file is checked against the manifest, and nothing outside of `folder` is read. An artifact that was shipped
    before in this session is not fetched again. Raises ArtifactError if the
    artifact is missing, incomplete or damaged, RuntimeError over Spark Connect.
    """
    with tempfile.TemporaryDirectory(dir=SparkFiles.getRootDirectory()) as scratch:
        try:
            return _fetch_and_ship(HadoopFolder(folder), Path(scratch))
        except ArtifactError as error:
            raise ArtifactError(str(error).replace(scratch, folder)) from error


def _fetch_and_ship(source: "HadoopFolder", local: Path) -> str:
    source.get(MANIFEST, local / MANIFEST)
    manifest, name = Manifest.read(local), shipped_name(local)
    if is_file(local_folder(name) / MANIFEST):
        return name
    for file, record in manifest.files.items():
        source.get(file, inside(local, file), size=record.size)
    manifest.check_contents(local)
    _add_archive(local, name)
    return name


def _add_archive(folder: Path, name: str) -> None:
    """Give the files of `folder` to all executors, below the folder `name` of SparkFiles.

    The archive stays in the driver's own folder of files, from which executors take it, until the session stops.
    """
    archive = Path(tempfile.mkdtemp(dir=SparkFiles.getRootDirectory())) / f"{name}.zip"
    with ZipFile(archive, "w", ZIP_STORED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    _context().addArchive(f"{archive}#{name}")


class HadoopFolder:
    """A folder of any file system that Hadoop's client knows: local, HDFS, S3 and others."""

    def __init__(self, folder: str) -> None:
        """`folder`: a path, of Hadoop's default file system, or a URI."""
        context = _context()
        self._folder = folder
        self._hadoop = context._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
        with _errors_about(folder):
            self._root = self._hadoop.Path(folder)
            self._files = self._root.getFileSystem(context._jsc.hadoopConfiguration())

    def exists(self) -> bool:
        """Whether there is anything at the folder's path."""
        with _errors_about(self._folder):
            return bool(self._files.exists(self._root))

    def has(self, name: str) -> bool:
        """Whether there is anything called `name` in the folder."""
        with _errors_about(self._folder):
            return bool(self._files.exists(self._path(name)))

    def put(self, source: Path, name: str) -> None:
        """Copy the local file `source` to `name` in the folder, which is made if needed."""
        target = self._path(name)
        with _errors_about(f"{self._folder}/{name}"):
            self._files.mkdirs(target.getParent())
            self._files.copyFromLocalFile(False, True, self._local(source.resolve()), target)

    def get(self, name: str, target: Path, *, size: int | None = None) -> None:
        """Copy the file `name` of the folder to `target`.

        Raises ArtifactError if it is missing, no plain file, or not of `size` bytes.
        """
        source = self._path(name)
        with _errors_about(f"{self._folder}/{name}"):
            status = self._files.getFileLinkStatus(source)
            if not status.isFile() or status.isSymlink():
                raise ArtifactError(f"'{self._folder}/{name}' is no file: save the stage again")
            if size is not None and status.getLen() != size:
                raise ArtifactError(
                    f"'{self._folder}/{name}' has {status.getLen()} bytes, expected {size}: save the stage again"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            self._files.copyToLocalFile(False, source, self._local(target), True)

    def _path(self, name: str) -> "JavaObject":
        return self._hadoop.Path(self._root, name)

    def _local(self, path: Path) -> "JavaObject":
        return self._hadoop.Path("file", None, str(path))


@contextmanager
def _errors_about(path: str) -> Iterator[None]:
    """Turn an exception of Hadoop's into an ArtifactError about `path`."""
    try:
        yield
    except Py4JJavaError as error:
        reason = str(error.java_exception).partition("\n")[0]
        raise ArtifactError(f"'{path}' cannot be read or written: {reason}") from error


def _context() -> SparkContext:
    context = SparkContext._active_spark_context
    if context is None:
        raise RuntimeError(
            "there is no SparkContext here to copy an artifact with: make a SparkSession first; over Spark Connect, "
            "save with setSaveArtifact(False), and put the artifact where every executor finds its path"
        )
    return context
