"""The options that both sets of rules have."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from biobert_onnx.errors import check_flags, check_int, short_repr

STRATEGIES = ("none", "prepend", "append")
"""What becomes of the text that a custom bound matches: no sentence's, the next one's, the one's before."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a text is split, as `splitting.split` describes it. Raises what that does."""

    abbreviations: bool = True
    lists: bool = True
    custom_bounds: Sequence[str] = ()
    custom_bounds_only: bool = False
    custom_bounds_strategy: str = "none"
    split_length: int | None = None
    min_length: int = 0
    max_length: int | None = None

    def __post_init__(self) -> None:
        check_flags(abbreviations=self.abbreviations, lists=self.lists, custom_bounds_only=self.custom_bounds_only)
        self._check_bounds()
        if self.custom_bounds_only and not self.custom_bounds:
            raise ValueError("custom_bounds_only needs custom_bounds, and there are none: give some, or leave it out")
        check_strategy(self.custom_bounds_strategy)
        self._check_lengths()

    def _check_bounds(self) -> None:
        bounds = self.custom_bounds
        if isinstance(bounds, str):
            raise TypeError(f"custom_bounds is the text {short_repr(bounds)}, expected a list of regular expressions")
        if not isinstance(bounds, Sequence) or not all(isinstance(bound, str) for bound in bounds):
            raise TypeError(
                f"custom_bounds is {short_repr(bounds)}, expected a list of regular expressions, each a str"
            )

    def _check_lengths(self) -> None:
        if self.split_length is not None:
            check_int("split_length", self.split_length, range(1, sys.maxsize), "leave it out to cut nothing")
        check_int("min_length", self.min_length, range(sys.maxsize), "leave it out to keep all")
        if self.max_length is not None:
            check_int("max_length", self.max_length, range(sys.maxsize), "leave it out to keep all")
        if self.max_length is not None and self.max_length < self.min_length:
            raise ValueError(
                f"max_length is {self.max_length}, less than min_length, {self.min_length}: no sentence can be both"
            )


def check_strategy(strategy: str) -> None:
    """Raise ValueError unless `strategy` is one of STRATEGIES."""
    if strategy not in STRATEGIES:
        raise ValueError(f"custom_bounds_strategy is {strategy!r}, expected one of {', '.join(STRATEGIES)}")
