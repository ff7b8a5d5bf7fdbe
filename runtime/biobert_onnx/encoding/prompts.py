"""Prompts: a text that is put before each text of a call, as sentence-transformers does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from biobert_onnx._types import Text
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.encoding.texts import check_unicode
from biobert_onnx.errors import ArtifactError, short_repr

MAX_PROMPT_CHARACTERS = 8192
"""Characters in one prompt. It is put before each of the 1,024 texts of a chunk, so prompts add at most 8,388,608
characters to a chunk: as many as the texts of a chunk have."""

QUERY = "query"
"""The name of the prompt that `encode_query` takes."""

DOCUMENT = "document"
"""The name of the prompt that `encode_document` takes. In the documentation of sentence-transformers it takes "passage"
and "corpus" where there is no "document". But every model that versions 5.0 to 6.2 load has a "document", an empty one
if its files have none, so these two are never reached: the vectors here are those that it computes."""


class PromptError(ValueError):
    """A prompt that cannot be put before texts. `argument`: the name of the argument at fault."""

    def __init__(self, message: str, *, argument: str) -> None:
        super().__init__(message)
        self.argument = argument


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """The prompts of an artifact by their names, and the one that is taken if none is asked for ("" for none).

    `are_pooled`: whether the tokens of a prompt count in pooling. The graphs count every token, so nothing but the
    empty prompt is taken where they should not.
    """

    by_name: Mapping[str, str]
    default: str
    are_pooled: bool

    @classmethod
    def of(cls, manifest: Manifest, path: Path) -> Self:
        """Return the prompts of the `manifest` that was read from `path`.

        Raises ArtifactError if one of them is no prompt. That the default is one of them, `Manifest.read` has checked.
        """
        for name, text in manifest.prompts.items():
            try:
                check_prompt(text, place=f"prompts[{short_repr(name)}]")
            except ValueError as error:
                raise ArtifactError(f"'{path}' cannot be read: {error}; export the artifact again") from error
        text = "" if manifest.default_prompt is None else manifest.prompts[manifest.default_prompt]
        return cls(by_name=manifest.prompts, default=text, are_pooled=manifest.include_prompt)

    def chosen(self, prompt: str | None, prompt_name: str | None, *, task: str | None = None) -> str:
        """Return the prompt of a call that asks for `prompt`, or for the one called `prompt_name`; "" for none.

        If both are None, it is the prompt called `task`, "" if there is none of this name; without a `task` it is the
        default.

        Raises TypeError for a value that is no str, PromptError if both are given, for a name that there is not, a lone
        surrogate, more than MAX_PROMPT_CHARACTERS characters, or a prompt of an artifact that cannot pool with one.
        """
        if prompt is not None and prompt_name is not None:
            raise PromptError(
                f"prompt is {short_repr(prompt)} and prompt_name is {short_repr(prompt_name)}: give one of them",
                argument="prompt",
            )
        if prompt is not None:
            check_prompt(prompt)
            text = prompt
        elif prompt_name is not None:
            text = self._named(prompt_name)
        else:
            text = self.default if task is None else self.by_name.get(task, "")
        if text and not self.are_pooled:
            raise PromptError(
                f"prompt is {short_repr(text)}, but the checkpoint leaves prompts out of its pooling (include_prompt "
                "is false), which this artifact cannot do: encode without a prompt",
                argument="prompt" if prompt_name is None else "prompt_name",
            )
        return text

    def _named(self, name: str) -> str:
        if not isinstance(name, str):
            raise TypeError(f"prompt_name is {short_repr(name)}, of type {type(name).__name__}: it must be a str")
        if name not in self.by_name:
            remedy = "choose one of them, or give" if self.by_name else "give"
            raise PromptError(
                f"prompt_name is {short_repr(name)}, but {_names(self.by_name)}: {remedy} the text itself as prompt",
                argument="prompt_name",
            )
        return self.by_name[name]


def check_prompt(prompt: object, *, place: str = "prompt") -> None:
    """Raise TypeError if `prompt`, which is at `place`, is no str, PromptError if it cannot be put before texts."""
    if not isinstance(prompt, str):
        raise TypeError(
            f"{place} is {short_repr(prompt)}, of type {type(prompt).__name__}: a prompt must be a str; '' is none"
        )
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise PromptError(
            f"{place} is {short_repr(prompt)}, of {len(prompt):,} characters, expected at most "
            f"{MAX_PROMPT_CHARACTERS:,}: shorten it",
            argument="prompt",
        )
    try:
        check_unicode(place, prompt)
    except ValueError as error:
        raise PromptError(str(error), argument="prompt") from None


def with_prompt(prompt: str, texts: Sequence[Text]) -> Sequence[Text]:
    """Return `texts`, each with `prompt` before it, or before the first text of a pair.

    >>> with_prompt("query: ", ["sepsis", "", ("title", "abstract")])
    ['query: sepsis', 'query: ', ('query: title', 'abstract')]
    """
    if not prompt:
        return texts
    return [prompt + text if isinstance(text, str) else (prompt + text[0], text[1]) for text in texts]


def _names(prompts: Mapping[str, str]) -> str:
    if not prompts:
        return "the artifact has no prompts"
    return f"the artifact's prompts are {', '.join(map(short_repr, prompts))}"
