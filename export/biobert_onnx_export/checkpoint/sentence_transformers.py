"""What a sentence-transformers folder says beyond the BERT encoder: pooling, max_seq_length, Normalize."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx_export.checkpoint.json_files import read_any_json, read_json
from biobert_onnx_export.errors import CheckpointError

KINDS = ("Transformer", "Pooling", "Normalize")

POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
"""Keys of 1_Pooling/config.json and this project's word for each; newer files say pooling_mode: "mean" instead."""


@dataclass(frozen=True, kw_only=True)
class SentenceModules:
    """`encoder` is the folder of the BERT encoder itself; None: the checkpoint does not say."""

    encoder: Path
    pooling: str | None = None
    max_length: int | None = None
    normalized: bool = False

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What modules.json in `folder` says, or nothing but the folder itself where there is none.

        Raises CheckpointError for a module or a pooling that this project has no graph for.
        """
        if not (folder / "modules.json").is_file():
            return cls(encoder=folder)
        modules = _modules(folder)
        if modules.keys() - set(KINDS) or "Transformer" not in modules:
            raise CheckpointError(f"'{folder}/modules.json' lists {', '.join(modules)}: only {', '.join(KINDS)} export")
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
    if len(chosen) != 1 or chosen[0] not in POOLINGS.values():
        raise CheckpointError(
            f"'{path}' asks for pooling {', '.join(chosen) or 'of no kind'}: only mean or cls exports"
        )
    return str(chosen[0])


def _legacy_poolings(config: dict[str, Any]) -> list[str]:
    keys = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    return [POOLINGS.get(key, key) for key in keys]
