"""The options that both sets of rules have."""

from collections.abc import Sequence
from dataclasses import dataclass

STRATEGIES = ("none", "prepend", "append")
"""What becomes of the text that a custom bound matches: no sentence's, the next one's, the one's before."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a text is split, as `splitting.split` describes it. Raises ValueError for what cannot be."""

    abbreviations: bool = True
    lists: bool = True
    custom_bounds: Sequence[str] = ()
    custom_bounds_only: bool = False
    custom_bounds_strategy: str = "none"
    split_length: int | None = None
    min_length: int = 0
    max_length: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.custom_bounds, str):
            raise TypeError(f"custom_bounds is the text {self.custom_bounds!r}, expected a list of regular expressions")
        if self.custom_bounds_only and not self.custom_bounds:
            raise ValueError("custom_bounds_only needs custom_bounds, and there are none: give some, or leave it out")
        check_strategy(self.custom_bounds_strategy)
        self._check_lengths()

    def _check_lengths(self) -> None:
        if self.split_length is not None and self.split_length < 1:
            raise ValueError(f"split_length is {self.split_length}, expected at least 1; leave it out to cut nothing")
        if self.min_length < 0:
            raise ValueError(f"min_length is {self.min_length}, expected at least 0")
        if self.max_length is not None and self.max_length < self.min_length:
            raise ValueError(
                f"max_length is {self.max_length}, less than min_length, {self.min_length}: no sentence can be both"
            )


def check_strategy(strategy: str) -> None:
    """Raise ValueError unless `strategy` is one of STRATEGIES."""
    if strategy not in STRATEGIES:
        raise ValueError(f"custom_bounds_strategy is {strategy!r}, expected one of {', '.join(STRATEGIES)}")
