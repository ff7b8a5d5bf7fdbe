"""The settings of a sentence-transformers folder: pooling, max_seq_length, Normalize."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx_export.checkpoint.json_files import read_any_json, read_json
from biobert_onnx_export.errors import CheckpointError

MODULE_KINDS = ("Transformer", "Pooling", "Normalize")
"""The kinds of module that this project can write into a graph."""

POOLING_KEYS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
"""Keys of 1_Pooling/config.json and the pooling of each; newer files say pooling_mode: "mean" instead."""


@dataclass(frozen=True, kw_only=True)
class SentenceModules:
    """The sentence modules of a checkpoint; `encoder` is BERT's own folder, None stands for an absent setting."""

    encoder: Path
    pooling: str | None = None
    max_length: int | None = None
    normalized: bool = False

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read modules.json in `folder`; without that file, `folder` is a BERT encoder with no settings.

        Raises CheckpointError for a module or a pooling that this project cannot write into a graph.
        """
        if not (folder / "modules.json").is_file():
            return cls(encoder=folder)
        modules = _modules(folder)
        if modules.keys() - set(MODULE_KINDS) or "Transformer" not in modules:
            listed, supported = ", ".join(modules), ", ".join(MODULE_KINDS)
            raise CheckpointError(f"'{folder}/modules.json' lists {listed}: only {supported} export")
        encoder = folder / modules["Transformer"]
        settings = encoder / "sentence_bert_config.json"
        return cls(
            encoder=encoder,
            pooling=_pooling(folder / modules["Pooling"] / "config.json") if "Pooling" in modules else None,
            max_length=read_json(settings).get("max_seq_length") if settings.is_file() else None,
            normalized="Normalize" in modules,
        )


def _modules(folder: Path) -> dict[str, str]:
    listed = read_any_json(folder / "modules.json")
    try:
        return {module["type"].rpartition(".")[2]: module.get("path", "") for module in listed}
    except (TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"'{folder}/modules.json' is no list of modules ({error!r}): download it again"
        ) from error


def _pooling(path: Path) -> str:
    config: dict[str, Any] = read_json(path)
    chosen = [config["pooling_mode"]] if isinstance(config.get("pooling_mode"), str) else _legacy_poolings(config)
    if len(chosen) != 1 or chosen[0] not in POOLING_KEYS.values():
        raise CheckpointError(
            f"'{path}' asks for pooling {', '.join(chosen) or 'of no kind'}: only mean or cls exports"
        )
    return str(chosen[0])


def _legacy_poolings(config: dict[str, Any]) -> list[str]:
    keys = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    return [POOLING_KEYS.get(key, key) for key in keys]
