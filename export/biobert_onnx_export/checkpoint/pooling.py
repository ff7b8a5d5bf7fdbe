"""Pooling: its modes, and the settings of sentence-transformers' module of that name, in every form it was saved in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from biobert_onnx.artifact.manifest import FIRST_TOKEN_POOLINGS, POOLINGS
from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.settings import Settings

LEGACY_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""The keys of sentence-transformers < 5.4 and their modes, in the order in which it concatenates their vectors."""

WIDTHS = ("embedding_dimension", "word_embedding_dimension")
"""The new and the old key of the numbers in a token's vector; the new one counts if both are there."""

POOLER = "pooler"
"""BERT's own pooler, which is no mode of sentence-transformers."""


def modes(pooling: str) -> tuple[str, ...]:
    """Return the modes of `pooling`, whose vectors are concatenated in this order.

    Raises ValueError unless it is one of POOLINGS, or several joined by "+".

    >>> modes("cls+mean")
    ('cls', 'mean')
    """
    found = tuple(pooling.split("+"))
    if not set(found) <= set(POOLINGS):
        raise ValueError(f"pooling is {pooling!r}, expected one of {', '.join(POOLINGS)}, or several joined by '+'")
    return found


def reads_first_token_only(pooling: str) -> bool:
    """Tell whether `pooling` needs the last layer's output of [CLS] alone."""
    return FIRST_TOKEN_POOLINGS.issuperset(modes(pooling))


@dataclass(frozen=True, kw_only=True)
class PoolingSettings:
    """The settings of a Pooling module; None stands for an absent one.

    `pooling`: modes joined by "+". `width`: numbers in a token's vector. `include_prompt`: whether the tokens of a
    prompt count.
    """

    settings: Settings
    pooling: str | None
    width: int | None
    include_prompt: bool

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the module's config.json at `path`; raises CheckpointError for a mode that does not export."""
        settings = Settings.read(path)
        settings.refuse_unknown(("pooling_mode", "include_prompt", *WIDTHS, *LEGACY_MODES))
        key = next((key for key in WIDTHS if key in settings.content), None)
        include_prompt = settings.given("include_prompt", bool)
        return cls(
            settings=settings,
            pooling=_pooling(settings),
            width=None if key is None else settings.count(key),
            include_prompt=True if include_prompt is None else include_prompt,
        )

    def check_width(self, hidden_size: int) -> None:
        """Raise CheckpointError if the module is for token vectors of another size than `hidden_size`."""
        if self.width not in (None, hidden_size):
            key = next(key for key in WIDTHS if key in self.settings.content)
            raise self.settings.fault(key, f"{hidden_size}, the hidden_size of the encoder's config")

    def check_prompts(self, named: str) -> None:
        """Raise CheckpointError if the tokens of the prompts `named` should be left out of pooling."""
        if named and not self.include_prompt:
            raise self.settings.fault(
                "include_prompt",
                "true",
                f"this model leaves the tokens of its prompts ({named}) out of pooling, which is not supported",
            )


def _pooling(settings: Settings) -> str | None:
    """Return the modes joined by "+", None if the file names none; pooling_mode counts before the old keys."""
    if "pooling_mode" not in settings.content:
        chosen = {key: mode for key, mode in LEGACY_MODES.items() if settings.optional(key, bool)}
        for key in chosen:
            _check_mode(settings, key, chosen[key])
        return "+".join(chosen.values()) or None
    value: Any = settings.content["pooling_mode"]
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed:
        raise settings.fault("pooling_mode", f"a text or a list of texts of {', '.join(LEGACY_MODES.values())}")
    for mode in listed:
        _check_mode(settings, "pooling_mode", mode)
    return "+".join(listed)


def _check_mode(settings: Settings, key: str, mode: object) -> None:
    exported = [mode for mode in LEGACY_MODES.values() if mode in POOLINGS]
    if mode not in exported:
        raise settings.fault(key, f"{', '.join(exported)}, or a list of them", f"{short_repr(mode)} does not export")
