"""The encoders that are served, by the names that requests choose them by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.serving.json_values import short_json
from biobert_onnx.serving.requests import BadRequest
from biobert_onnx.serving.settings import Settings

MODEL_NOT_FOUND = "model_not_found"
"""OpenAI's code for a name that is not served."""

MAX_NAME_CHARACTERS = 1024


@dataclass(frozen=True)
class Model:
    """An encoder on the artifact in `folder`, and the name that it is served by."""

    name: str
    folder: Path
    encoder: SentenceEncoder

    @cached_property
    def created(self) -> int:
        """When the artifact was written, in seconds since 1970."""
        return int((self.folder / MANIFEST).stat().st_mtime)


class Models:
    """All that is served; the first one answers requests that name none."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self.by_name = models
        self.first = next(iter(models.values()))

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open every artifact of `settings`; raises as `Settings.open_encoder` does."""
        models: dict[str, Model] = {}
        try:
            for key, folder in settings.artifacts.items():
                encoder = settings.open_encoder(key)
                name = key or encoder.manifest.name
                models[name] = Model(name, folder, encoder)
        except BaseException:
            for model in models.values():
                model.encoder.close()
            raise
        return cls(models)

    def close(self) -> None:
        """Close every encoder."""
        for model in self.by_name.values():
            model.encoder.close()

    def chosen(self, name: object) -> Model:
        """Return the model that a request calls `name`, the first one for null.

        A lone model answers to any name. Raises BadRequest for what is no name, and (404) for one that is not served.
        """
        if name is None:
            return self.first
        if not isinstance(name, str) or len(name) > MAX_NAME_CHARACTERS:
            raise BadRequest(
                f"model is {short_json(name)}, expected a name of at most {MAX_NAME_CHARACTERS:,} characters",
                field="model",
            )
        return self.first if len(self.by_name) == 1 else self.named(name)

    def named(self, name: str) -> Model:
        """Return the model called `name`; raises BadRequest (404) if none is."""
        if name not in self.by_name:
            names = ", ".join(map(short_json, self.by_name))
            raise BadRequest(
                f"model is {short_json(name)}, expected one of {names}", status=404, field="model", code=MODEL_NOT_FOUND
            )
        return self.by_name[name]
