"""The settings of sentence-transformers' module Transformer: the length that texts are cut to, and lower-casing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx_export.checkpoint.settings import Settings

FILES = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
"""The names of the file in the order in which sentence-transformers looks for it; an empty object counts as absent."""

ONLY_VALUES: Mapping[str, Any] = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
"""The only supported value of keys that say what the module computes; files of versions < 5.4 have none of them."""

EMPTY_KEYS = ("processing_kwargs", "query_length", "document_length", "query_expansion")
"""Keys that change token ids where they hold anything."""

ARGUMENT_KEYS = ("model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs")
"""Keys of arguments for transformers' loaders."""

HARMLESS_ARGUMENTS = frozenset({"add_pooling_layer", "attn_implementation", "trust_remote_code", "use_safetensors"})
"""Arguments of those loaders that change no vector."""

SEEN_KEYS = ("max_seq_length", "do_lower_case", "unpad_inputs")
"""Keys that are read, and unpad_inputs, which changes no vector."""


@dataclass(frozen=True, kw_only=True)
class TransformerSettings:
    """`max_seq_length` as the file has it, None if it has none; `lower_case`: whether texts are lower-cased first."""

    settings: Settings
    max_seq_length: int | None
    lower_case: bool

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the settings beside the encoder in `folder`; without a file nothing is set.

        Raises CheckpointError for a wrong type, and for a key that changes vectors in a way that does not export.
        """
        files = (Settings.read_if_there(folder / name) for name in FILES)
        return cls.of(next((file for file in files if file.content), Settings(path=folder / FILES[0], content={})))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the values out of `settings`; raises as `read` does."""
        settings.refuse_unknown((*SEEN_KEYS, *ONLY_VALUES, *EMPTY_KEYS, *ARGUMENT_KEYS))
        for key, expected in ONLY_VALUES.items():
            if settings.content.get(key, expected) != expected:
                raise settings.fault(key, repr(expected), "no other encoder exports")
        for key in EMPTY_KEYS:
            if settings.content.get(key):
                raise settings.fault(key, "nothing", "it changes token ids in a way that does not export")
        for key in ARGUMENT_KEYS:
            if set(settings.optional(key, dict) or ()) - HARMLESS_ARGUMENTS:
                raise settings.fault(key, "no argument", "arguments of loaders may change vectors")
        has_limit = settings.optional("max_seq_length", int) is not None
        return cls(
            settings=settings,
            max_seq_length=settings.count("max_seq_length") if has_limit else None,
            lower_case=bool(settings.optional("do_lower_case", bool)),
        )
