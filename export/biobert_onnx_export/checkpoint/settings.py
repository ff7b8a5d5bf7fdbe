"""The settings in a JSON file of a checkpoint's folder, read key by key; every error names the file and the key."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.errors import CheckpointError

T = TypeVar("T", bool, int, str, dict[str, Any])

TYPE_NAMES = {bool: "true or false", int: "a whole number", str: "a text", dict: "an object"}
"""What error messages call the types of JSON."""

REMEDY = "correct the file, or download it again"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The JSON object `content` of the file `path`."""

    path: Path
    content: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `path`; raises CheckpointError if there is no such file or if it holds no JSON object."""
        return cls(path=path, content=read_json(path))

    @classmethod
    def read_if_there(cls, path: Path) -> Self:
        """Read `path`; a missing file is one without any key."""
        return cls.read(path) if is_there(path) else cls(path=path, content={})

    def optional(self, key: str, kind: type[T]) -> T | None:
        """Return the value of `key`, None if it is absent or null; raises CheckpointError for another type."""
        return None if self.content.get(key) is None else self.given(key, kind)

    def given(self, key: str, kind: type[T]) -> T | None:
        """Return the value of `key`, None if it is absent; raises CheckpointError for null and for another type."""
        if key not in self.content:
            return None
        value = self.content[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.fault(key, TYPE_NAMES[kind])
        return value

    def required(self, key: str, kind: type[T]) -> T:
        """Return the value of `key`; raises CheckpointError if it is absent, null or of another type."""
        value = self.given(key, kind)
        if value is None:
            raise CheckpointError(f"'{self.path}' lacks {key}, expected {TYPE_NAMES[kind]}: {REMEDY}")
        return value

    def count(self, key: str) -> int:
        """Return the positive number of `key`; raises CheckpointError if there is none."""
        value = self.required(key, int)
        if value < 1:
            raise self.fault(key, "a positive number")
        return value

    def fault(self, key: str, expected: str, remedy: str = REMEDY) -> CheckpointError:
        """Return the error of a `key` whose value is not what was `expected`."""
        return CheckpointError(
            f"'{self.path}' has {key} {short_repr(self.content[key])}, expected {expected}: {remedy}"
        )

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Raise CheckpointError for the first key that is none of the `known` ones."""
        for key in self.content.keys() - known:
            raise self.fault(key, f"no key but {', '.join(sorted(known))}", "what it changes is not known here")
