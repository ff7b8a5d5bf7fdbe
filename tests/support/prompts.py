"""Artifacts with prompts: copies of an artifact, with other words in their manifests."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from biobert_onnx.artifact.manifest import Manifest

PROMPTS = {"query": "Find articles on: ", "document": "title: none | text: ", "passage": "Étude. "}
DEFAULT = "passage"
"""None of the names that `encode_query` and `encode_document` take."""


def copy_with_prompts(
    artifact: Path,
    folder: Path,
    prompts: Mapping[str, str] = PROMPTS,
    default: str | None = None,
    *,
    include_prompt: bool = True,
) -> Path:
    """`folder`, a copy of `artifact` whose manifest has these prompts."""
    shutil.copytree(artifact, folder)
    manifest = Manifest.read(folder)
    replace(manifest, prompts=prompts, default_prompt=default, include_prompt=include_prompt).write(folder)
    return folder
