"""The prompts of a sentence-transformers folder: texts that are put before every text, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from biobert_onnx.encoding.prompts import check_prompt
from biobert_onnx.encoding.texts import check_unicode
from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.rules import Rule
from biobert_onnx_export.checkpoint.settings import Settings
from biobert_onnx_export.errors import CheckpointError

FILE = "config_sentence_transformers.json"

MODEL_TYPE = "SentenceTransformer"
"""The only model_type that exports: the others give sparse vectors, a vector a token, or scores of pairs."""

ALWAYS_THERE = ("query", "document")
"""Names that sentence-transformers >= 5 knows for every model, with an empty prompt if the folder has none."""

SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
"""sentence-transformers' names of similarity functions."""


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """`texts` by their names, and `default`, the name of the one that is put before a text if none is asked for.

    `similarity` is the name of the function that compares vectors; None for an absent setting.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None
    similarity: str | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read config_sentence_transformers.json in `folder`; without it there are no prompts.

        Raises CheckpointError for another kind of model, for a wrong type, and for a default that is no prompt's name.
        """
        settings = Settings.read_if_there(folder / FILE)
        if settings.given("model_type", str) not in (None, MODEL_TYPE):
            raise settings.fault("model_type", f"'{MODEL_TYPE}'", "only models of one vector a text export")
        if settings.optional("similarity_fn_name", str) not in (None, *SIMILARITIES):
            raise settings.fault("similarity_fn_name", f"one of {', '.join(SIMILARITIES)}, or null")
        texts = _texts(settings)
        default = settings.optional("default_prompt_name", str)
        if default is not None and default not in texts:
            if default not in ALWAYS_THERE:
                raise settings.fault("default_prompt_name", f"a name in prompts ({', '.join(texts) or 'none there'})")
            texts[default] = ""
        return cls(texts=texts, default=default, similarity=settings.optional("similarity_fn_name", str))

    @property
    def default_text(self) -> str:
        """The text that is put before every text if no prompt is asked for; empty for none."""
        return "" if self.default is None else self.texts[self.default]

    def rules(self) -> tuple[Rule, ...]:
        """Return what users should know: the prompt before every text, or the prompts that only wait to be named."""
        if self.default_text:
            return (Rule("prompt", repr(self.default_text), f"{FILE} has default_prompt_name {self.default!r}"),)
        named = ", ".join(name for name, text in self.texts.items() if text)
        return (Rule("prompt", "none unless asked for", f"{FILE} names {named} and no default"),) if named else ()


def _texts(settings: Settings) -> dict[str, str]:
    """Return the prompts; null stands for an empty one, as sentence-transformers takes it."""
    texts = settings.given("prompts", dict) or {}
    if not all(isinstance(text, str | None) for text in texts.values()):
        raise settings.fault("prompts", "a text for each name")
    for name, text in texts.items():
        try:
            check_unicode("prompts", name)
            check_prompt(text or "", place=f"prompts[{short_repr(name)}]")
        except ValueError as error:
            raise CheckpointError(f"'{settings.path}' cannot be used: {error}") from error
    return {name: text or "" for name, text in texts.items()}
