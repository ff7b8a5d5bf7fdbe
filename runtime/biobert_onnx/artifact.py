"""The artifact's manifest: what the folder holds, where it came from, how faithful it was measured to be."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, Self

FORMAT = 1
MANIFEST = "manifest.json"
ENCODER_GRAPH = "encoder.onnx"
WEIGHTS = "weights.bin"
TOKENIZER = "tokenizer.json"


class ArtifactError(ValueError):
    """An artifact folder is missing, incomplete, damaged or of another format."""


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """Size in bytes and sha256 (hexadecimal) of one file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """The record of the file at `path`, read once from start to end."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(size=path.stat().st_size, sha256=digest)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The contents of `manifest.json`.

    `dim` is the length of one vector, `max_length` the tokens a text is cut to by default ([CLS] and [SEP]
    included), `max_positions` the most the checkpoint has position embeddings for. `pooling` is mean, cls or
    pooler; `normalized` says whether unit length is part of the graph; `precision` is int8 or fp32; `casing` is
    cased or uncased. `checkpoint`, `versions`, `quantization` and `fidelity` are records made by the export, for
    people and for tools; `files` maps each file's path inside the folder to its size and sha256.
    """

    name: str
    dim: int
    max_length: int
    max_positions: int
    pooling: str
    normalized: bool
    precision: str
    casing: str
    checkpoint: Mapping[str, Any]
    versions: Mapping[str, str]
    quantization: Mapping[str, Any]
    fidelity: Mapping[str, Any]
    files: Mapping[str, FileRecord]

    @property
    def has_float32_products(self) -> bool:
        """Whether activations meet weights in float32 anywhere: all do in fp32, the named sites in int8."""
        return self.precision == "fp32" or bool(self.quantization.get("float32_sites"))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The manifest of the artifact in `folder`.

        Raises ArtifactError if there is no such folder, no manifest in it, or one that cannot be read.
        """
        path = folder / MANIFEST
        if not folder.is_dir():
            raise ArtifactError(f"no artifact folder at '{folder}': give the path of a folder made by 'export'")
        if not path.is_file():
            raise ArtifactError(f"'{folder}' holds no {MANIFEST}, so it is no artifact: make one with 'export'")
        try:
            return cls._from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, TypeError, AttributeError, KeyError) as error:
            raise ArtifactError(f"'{path}' cannot be read ({error!r}): export the artifact again") from error

    @classmethod
    def _from_json(cls, content: dict[str, Any]) -> Self:
        if content.get("format") != FORMAT:
            raise ArtifactError(
                f"the manifest's format is {content.get('format')!r}, expected {FORMAT}: "
                "use the biobert-onnx version that made the artifact, or export it again"
            )
        values = {field.name: content[field.name] for field in fields(cls)}
        values["files"] = {name: FileRecord(**record) for name, record in values["files"].items()}
        return cls(**values)

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into `folder`: the same manifest gives the same bytes."""
        content = {"format": FORMAT, **asdict(self)}
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")

    def check_sizes(self, folder: Path) -> None:
        """Raise ArtifactError at the first file of `folder` that is missing or has another size."""
        for name, record in self.files.items():
            size = _size(_inside(folder, name))
            if size != record.size:
                found = "is missing" if size is None else f"has {size} bytes"
                raise ArtifactError(f"'{folder / name}' {found}, expected {record.size} bytes: export or copy it again")

    def check_contents(self, folder: Path) -> None:
        """Raise ArtifactError at the first file of `folder` whose size or sha256 differs."""
        self.check_sizes(folder)
        for name, record in self.files.items():
            found = FileRecord.of(folder / name)
            if found != record:
                raise ArtifactError(
                    f"'{folder / name}' has sha256 {found.sha256}, expected {record.sha256}: export or copy it again"
                )


def _inside(folder: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ArtifactError(f"the manifest of '{folder}' names '{name}', outside the folder: do not use this artifact")
    return folder / path


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
