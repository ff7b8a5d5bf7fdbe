"""A folder of sentence-transformers 1 to 6: the list of its modules, and the settings of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx.artifact.paths import leads_out
from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_any_json
from biobert_onnx_export.checkpoint.pooling import PoolingSettings
from biobert_onnx_export.checkpoint.prompts import Prompts
from biobert_onnx_export.checkpoint.rules import Rule
from biobert_onnx_export.checkpoint.sentence_modules import READERS, Normalize, SentenceModule
from biobert_onnx_export.checkpoint.settings import Settings
from biobert_onnx_export.checkpoint.tokenizer_files import CONFIG
from biobert_onnx_export.checkpoint.transformer_settings import TransformerSettings
from biobert_onnx_export.errors import CheckpointError

MODULES = "modules.json"

PACKAGE = "sentence_transformers."
"""The package of every module that exports. Its modules moved inside of it, so the name of the class alone counts."""

ENCODERS = ("Transformer", "BERT")
"""The names of the module that holds the encoder: BERT until sentence-transformers 0.2."""

POOLING = "Pooling"
DROPOUT = "Dropout"
"""A module that does nothing after training."""

NO_LIMIT = 1e20
"""A model_max_length from here on stands for no limit, as transformers has it; JSON may hold it as 1e+30."""

EXPORTED = ("Transformer", POOLING, *READERS, DROPOUT)


@dataclass(frozen=True)
class Listed:
    """An entry of modules.json: the name of its class, and its folder inside the checkpoint, "" for the root."""

    kind: str
    place: str


@dataclass(frozen=True, kw_only=True)
class SentenceModules:
    """The sentence modules of a checkpoint; `encoder` is BERT's own folder.

    `transformer`, `pooling_settings` and `prompts` are the settings as read; `after_pooling` the modules that follow,
    in order, without those that do nothing. `tokenizer_limit`: model_max_length of tokenizer_config.json, None if it
    has none.
    """

    encoder: Path
    transformer: TransformerSettings
    pooling_settings: PoolingSettings | None
    after_pooling: tuple[SentenceModule, ...]
    prompts: Prompts
    tokenizer_limit: int | None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read modules.json in `folder`; without that file, `folder` is an encoder with no settings but its own.

        Raises CheckpointError for whatever changes vectors and cannot be written into a graph.
        """
        if not is_there(folder / MODULES):
            return cls(
                encoder=folder,
                transformer=TransformerSettings.of(Settings(path=folder, content={})),
                pooling_settings=None,
                after_pooling=(),
                prompts=Prompts(),
                tokenizer_limit=_tokenizer_limit(folder),
            )
        encoder, pooling, others = _sorted(folder)
        prompts = Prompts.read(folder)
        settings = None if pooling is None else PoolingSettings.read(folder / pooling.place / "config.json")
        if settings is not None:
            settings.check_prompts(", ".join(name for name, text in prompts.texts.items() if text))
        return cls(
            encoder=folder / encoder.place,
            transformer=TransformerSettings.read(folder / encoder.place),
            pooling_settings=settings,
            after_pooling=tuple(READERS[module.kind](folder, module.place) for module in others),
            prompts=prompts,
            tokenizer_limit=_tokenizer_limit(folder / encoder.place),
        )

    @property
    def pooling(self) -> str | None:
        """The pooling that the folder names, modes joined by "+"; None if it names none."""
        return None if self.pooling_settings is None else self.pooling_settings.pooling

    @property
    def include_prompt(self) -> bool:
        """Whether the tokens of a prompt count in pooling."""
        return self.pooling_settings is None or self.pooling_settings.include_prompt

    @property
    def lower_case(self) -> bool:
        """Whether the text is lower-cased as a whole before it is tokenized; accents stay."""
        return self.transformer.lower_case

    @property
    def normalized(self) -> bool:
        """Whether the vectors have unit length."""
        return bool(self.after_pooling) and isinstance(self.after_pooling[-1], Normalize)

    def check_width(self, hidden_size: int) -> None:
        """Raise CheckpointError if Pooling is for token vectors of another size than `hidden_size`."""
        if self.pooling_settings is not None:
            self.pooling_settings.check_width(hidden_size)

    def rules(self) -> tuple[Rule, ...]:
        """Return what users should know of the prompts."""
        if self.include_prompt:
            return self.prompts.rules()
        reason = "include_prompt of Pooling is false; the folder has no prompt, so nothing changes"
        return (Rule("prompt", "its tokens would not count in pooling", reason),)


def _sorted(folder: Path) -> tuple[Listed, Listed | None, list[Listed]]:
    """Return the encoder, Pooling, and the modules after it that do something."""
    path = folder / MODULES
    modules = _listed(path)
    encoder, *others = modules
    pooling = others.pop(0) if others and others[0].kind == POOLING else None
    unknown = [module.kind for module in others if module.kind not in (*READERS, DROPOUT)]
    if encoder.kind not in ENCODERS or unknown or (others and pooling is None):
        listed = ", ".join(module.kind for module in modules)
        raise CheckpointError(
            f"'{path}' lists {listed}: only Transformer, then Pooling, then any of {', '.join(EXPORTED[2:])} export"
        )
    return encoder, pooling, [module for module in others if module.kind != DROPOUT]


def _listed(path: Path) -> list[Listed]:
    content = read_any_json(path)
    if not isinstance(content, list) or not content or not all(isinstance(entry, dict) for entry in content):
        raise CheckpointError(f"'{path}' is no list of modules ({short_repr(content)}): download it again")
    return [_entry(path, entry) for entry in content]


def _entry(path: Path, entry: Mapping[str, Any]) -> Listed:
    settings = Settings(path=path, content=entry)
    kind = settings.required("type", str)
    if not kind.startswith(PACKAGE):
        raise settings.fault(
            "type", f"a class of {PACKAGE.rstrip('.')}", "modules with code of their own do not export"
        )
    place = settings.given("path", str) or ""
    if leads_out(place):
        raise settings.fault("path", "a folder inside the checkpoint")
    return Listed(kind=kind.rpartition(".")[2], place=place)


def _tokenizer_limit(encoder: Path) -> int | None:
    """Return model_max_length of tokenizer_config.json, under its old name max_len too; None for none."""
    settings = Settings.read_if_there(encoder / CONFIG)
    key = "model_max_length" if "model_max_length" in settings.content else "max_len"
    value = settings.content.get(key)
    if value is None or (isinstance(value, float) and value >= NO_LIMIT):
        return None
    return settings.count(key)
