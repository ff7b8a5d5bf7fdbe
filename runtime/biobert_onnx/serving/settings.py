"""The settings of servers: environment variables, read once into one dataclass; the handler takes some, the app all."""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from biobert_onnx._file_status import exists
from biobert_onnx.encoder import MAX_THREADS, SentenceEncoder
from biobert_onnx.encoding.engines import ENGINES, KERNELS
from biobert_onnx.encoding.long_texts import LONG_TEXTS
from biobert_onnx.errors import ArtifactError, EngineError

PREFIX = "BIOBERT_ONNX_"

ARTIFACT_VARIABLE = PREFIX + "ARTIFACT"
"""The environment variable that names the artifact's folder, or several as name=folder, os.pathsep between them."""

SWITCH = {"1": True, "true": True, "0": False, "false": False}
"""The values of a variable that is on or off."""

MEBIBYTE = 2**20
MAX_NUMBER = 10**9
"""What no limit is above: a number with more digits is a mistake."""


class SettingError(ValueError):
    """An environment variable has a value that cannot be used here."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator decides. `variable_of` names the environment variable of each field.

    `artifacts`: folders by the name that requests choose them by; a lone one may have the name "", which stands for
    the name in its manifest. `engine`, `literal_special_tokens`, `threads`, `max_length`: as for SentenceEncoder.

    `long_texts`: what is done with texts of too many tokens if a request does not say. `normalize`: whether vectors get
    unit length if a request does not say; None leaves it to the server: /v1/embeddings does so, the handler does not.

    `queue`: requests in flight and waiting; one more is refused. `max_body_bytes`, `max_texts`, `max_characters`: those
    of one request, the prompt before each text included. `held_bytes`: bytes of bodies that are held at a time.
    `timeout_s`: seconds that a request may take, once its body is there. `graceful_s`: seconds that requests in flight
    have when the server ends. `api_key`: what clients must send, None if nobody is asked.

    `given`: the names of the fields that a caller gave, in place of the environment: errors name no variable for them.
    """

    artifacts: Mapping[str, Path]
    engine: str | None = None
    literal_special_tokens: bool = False
    threads: int | None = None
    max_length: int | None = None
    long_texts: str = "error"
    normalize: bool | None = None
    queue: int = 256
    max_body_bytes: int = 4 * MEBIBYTE
    max_texts: int = 2048
    max_characters: int = 4 * MEBIBYTE
    held_bytes: int = 32 * MEBIBYTE
    timeout_s: float = 300.0
    graceful_s: float = 30.0
    api_key: str | None = field(default=None, repr=False)
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @classmethod
    def from_environment(
        cls, default_artifact: Path, *, defaults: Mapping[str, Any] = MappingProxyType({}), **options: Any
    ) -> Self:
        """Read the environment; a variable that is unset or empty keeps its default.

        `default_artifact`: the folder where no artifact is named. `defaults`: those of fields which differ from the
        class' own. `options`: values of fields in place of those of the environment, None for none. Raises
        SettingError, which names the variable, its value, what was expected and the remedy.
        """
        values: dict[str, Any] = {"artifacts": {"": default_artifact}, **defaults}
        given = {name: value for name, value in options.items() if value is not None}
        values |= given
        for name, read in READERS.items():
            value = os.environ.get(variable_of(name))
            if value and name not in given:
                try:
                    values[name] = read(value)
                except ValueError as error:
                    shown = "set" if name == "api_key" else repr(value)
                    raise SettingError(f"{variable_of(name)} is {shown}, expected {error}") from None
        settings = cls(**values, given=frozenset(given))
        settings.check()
        return settings

    def check(self) -> None:
        """Raise SettingError if no request could be held that the limits allow."""
        if self.held_bytes < self.max_body_bytes:
            raise SettingError(
                f"{variable_of('held_bytes')} is '{self.held_bytes}', expected at least the bytes of one body, "
                f"{self.max_body_bytes} ({variable_of('max_body_bytes')}): raise it, or lower that one"
            )

    def environment(self) -> dict[str, str]:
        """Return the variables that give these settings to another process."""
        values = {name: getattr(self, name) for name in READERS if name != "artifacts"}
        folders = {name: str(folder.absolute()) for name, folder in self.artifacts.items()}
        several = os.pathsep.join(f"{name}={folder}" if name else folder for name, folder in folders.items())
        return {ARTIFACT_VARIABLE: several} | {
            variable_of(name): str(int(value) if isinstance(value, bool) else value)
            for name, value in values.items()
            if value is not None
        }

    def lines(self) -> Iterator[str]:
        """Yield a line for each setting, the variable first; of the key only that there is one."""
        for name, value in self.environment().items():
            yield f"{name}={'(set)' if name == variable_of('api_key') else value}"

    def open_encoder(self, name: str, *, threads: int | None = None) -> SentenceEncoder:
        """Open the artifact called `name`; `threads` are taken where the settings name none.

        Raises ArtifactError if there is no complete artifact, SettingError for a setting that it cannot run with; each
        names its variable. For a value in `given`, raises as SentenceEncoder does, and EngineError if no engine runs
        the artifact here.
        """
        folder = self.artifacts[name]
        with self._naming_variables():
            return SentenceEncoder(
                folder,
                max_length=self.max_length,
                threads=threads if self.threads is None else self.threads,
                engine=self.engine,
                literal_special_tokens=self.literal_special_tokens,
            )

    @contextmanager
    def _naming_variables(self) -> Iterator[None]:
        """Let an error of an encoder name the variable that is at fault, unless the caller gave its value."""
        try:
            yield
        except ArtifactError as error:
            if "artifacts" in self.given:
                raise
            named = f"it is {os.environ[ARTIFACT_VARIABLE]!r}" if os.environ.get(ARTIFACT_VARIABLE) else "it is not set"
            raise ArtifactError(f"set {ARTIFACT_VARIABLE} to the folder of an artifact ({named}): {error}") from error
        except EngineError as error:
            if error.other is None or "engine" in self.given:
                raise
            wanted = "the kernels" if self.engine == KERNELS else self.engine
            raise SettingError(
                f"{variable_of('engine')} is {self.engine!r}, but {wanted} cannot run '{error.artifact}' here, because "
                f"{error.reason}: unset it to get {error.other}"
            ) from error
        except ValueError as error:
            if self.max_length is None or "max_length" in self.given:
                raise
            raise SettingError(f"{variable_of('max_length')} is '{self.max_length}': {error}") from error


def open_encoder(default: Path, *, threads: int | None = None) -> SentenceEncoder:
    """Open the artifact that the environment names first, or `default` where it names none.

    Raises SettingError for a variable that cannot be used, and as `Settings.open_encoder` does.
    """
    settings = Settings.from_environment(default)
    return settings.open_encoder(next(iter(settings.artifacts)), threads=threads)


def variable_of(name: str) -> str:
    """Return the environment variable of the field `name` of Settings.

    >>> variable_of("max_length"), variable_of("artifacts")
    ('BIOBERT_ONNX_MAX_LENGTH', 'BIOBERT_ONNX_ARTIFACT')
    """
    return ARTIFACT_VARIABLE if name == "artifacts" else PREFIX + name.upper()


def artifacts_in(value: str) -> dict[str, Path]:
    """Return the folders that `value` names: one folder, or name=folder, several with os.pathsep between them.

    Raises ValueError, which says what was expected.

    >>> sorted(artifacts_in(os.pathsep.join(["biobert=/models/biobert", "minilm=/models/minilm"])))
    ['biobert', 'minilm']
    """
    if (os.pathsep not in value and "=" not in value) or exists(value):
        return {"": Path(value)}
    named: dict[str, Path] = {}
    for part in value.split(os.pathsep):
        name, equals, folder = part.partition("=")
        if not (name and equals and folder):
            raise ValueError(
                f"a folder, or name=folder with {os.pathsep!r} between several: give {part!r} a name and a folder"
            )
        if name in named:
            raise ValueError(f"each name once: call one of the artifacts {name!r} otherwise")
        named[name] = Path(folder)
    return named


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}, or unset it")
        return value

    return read


def _switch(meaning: str) -> Callable[[str], bool]:
    def read(value: str) -> bool:
        if value not in SWITCH:
            raise ValueError(f"{meaning}, or unset it")
        return SWITCH[value]

    return read


def _number(least: int, most: int, meaning: str) -> Callable[[str], int]:
    def read(value: str) -> int:
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else -1
        if not least <= number <= most:
            raise ValueError(f"a whole number from {least:,} to {most:,}, {meaning}: or unset it")
        return number

    return read


def _seconds(meaning: str) -> Callable[[str], float]:
    def read(value: str) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds <= 86_400:
            raise ValueError(f"seconds above 0, at most 86,400, {meaning}: or unset it")
        return seconds

    return read


def _key(value: str) -> str:
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise ValueError("printable ASCII without blanks around it, which a header can carry: choose another key")
    return value


READERS: Mapping[str, Callable[[str], object]] = {
    "artifacts": artifacts_in,
    "engine": _one_of(*ENGINES),
    "literal_special_tokens": _switch("1 to read special tokens in texts as plain text"),
    "threads": _number(1, MAX_THREADS, "the worker threads of an encoder"),
    "max_length": _number(1, MAX_NUMBER, "the tokens that texts are cut to"),
    "long_texts": _one_of(*LONG_TEXTS),
    "normalize": _switch("1 for vectors of unit length or 0 for the encoder's own"),
    "queue": _number(1, MAX_NUMBER, "the requests in flight and waiting"),
    "max_body_bytes": _number(1024, MAX_NUMBER, "the bytes of one body"),
    "max_texts": _number(1, MAX_NUMBER, "the texts of one request"),
    "max_characters": _number(1, MAX_NUMBER, "the characters of all texts of one request"),
    "held_bytes": _number(1024, MAX_NUMBER, "the bytes of all bodies that are held at a time"),
    "timeout_s": _seconds("which a request may take"),
    "graceful_s": _seconds("which requests in flight have when the server ends"),
    "api_key": _key,
}
"""How the value of each field is read; ValueError says what was expected."""
