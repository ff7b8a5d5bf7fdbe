"""Who decides whether a text is lower-cased: the caller, the folder, the published checkpoint, or the vocabulary."""

from collections.abc import Sequence
from dataclasses import dataclass

from biobert_onnx_export.checkpoint.rules import Rule
from biobert_onnx_export.errors import CheckpointError

CASINGS = ("cased", "uncased")

MIN_CAPITAL_SHARE = 0.05
"""The share of a vocabulary's words with capitals from which on it is a cased one.

BERT's cased vocabulary has capitals in two fifths of its words. SciBERT's uncased one has them in 154 of 31,090
entries, and one of these is a whole word: tokens that strayed into the training text's list."""


@dataclass(frozen=True)
class Casing:
    """Whether texts are lower-cased, and the rule that says who decided it."""

    lowercase: bool
    rule: Rule


@dataclass(frozen=True, kw_only=True)
class CasingSources:
    """What each source says of lower case; None where it says nothing.

    `requested`: the caller. `folder`: a setting in a file of the folder, and `file` its name. `published`: the table of
    models. `vocabulary`: the words of the vocabulary. `loader`: what transformers would do with the folder.
    """

    requested: bool | None
    folder: bool | None
    file: str
    published: bool | None
    vocabulary: bool
    loader: bool

    def decide(self) -> Casing:
        """Return the first answer, in the order of the fields.

        Raises CheckpointError if the caller asks for cased and no token has a capital.
        """
        if self.requested is not None:
            return self._casing(self.requested, "asked for by casing=")
        if self.folder is not None:
            return self._casing(self.folder, self.file)
        if self.published is not None and (self.published or not self.vocabulary):
            return self._casing(self.published, "the published checkpoint of this name")
        return self._casing(self.vocabulary, "the vocabulary, as the folder says nothing")

    def _casing(self, lowercase: bool, reason: str) -> Casing:
        if lowercase != self.vocabulary:
            reason += f", though the words of the vocabulary are {_name(self.vocabulary)}"
        if lowercase != self.loader:
            reason += f"; transformers would take it for {_name(self.loader)}"
        return Casing(lowercase, Rule("casing", _name(lowercase), reason))


def casing_of_normalizer(lowercase: bool, setting: str, casing: str | None, family: str) -> Casing:
    """Return the casing of a tokenizer whose vocabulary knows every word: whether its normalizer lower-cases.

    `setting`: what sets the normalizer, empty if nothing does. `casing`: what the caller asks for.

    Raises ValueError for an unknown `casing`, CheckpointError for another one than the normalizer's.
    """
    if casing is not None and casing not in CASINGS:
        raise ValueError(f"casing is {casing!r}, expected one of {', '.join(CASINGS)}")
    if casing not in (None, _name(lowercase)):
        raise CheckpointError(
            f"casing is {casing!r}, but the {family} tokenizer of the checkpoint is {_name(lowercase)}: leave casing= "
            "out"
        )
    return Casing(lowercase, Rule("casing", _name(lowercase), setting or f"{family} reads texts as they are"))


def requested_lowercase(casing: str | None, tokens: Sequence[str]) -> bool | None:
    """Return whether the caller's `casing` (cased, uncased or None) lower-cases; None asks for nothing.

    Raises ValueError for another `casing`, CheckpointError for cased where no token has a capital.
    """
    if casing is None:
        return None
    if casing not in CASINGS:
        raise ValueError(f"casing is {casing!r}, expected one of {', '.join(CASINGS)}")
    if casing == "cased" and not capital_share(tokens):
        raise CheckpointError(
            "casing is 'cased', but no word of the vocabulary has a capital letter, so capitals would be unknown: "
            "leave casing= out, or give the vocabulary that the checkpoint was trained with"
        )
    return casing == "uncased"


def looks_uncased(tokens: Sequence[str]) -> bool:
    """Tell whether the words of a vocabulary are lower-cased, but for a few that strayed into it."""
    return capital_share(tokens) < MIN_CAPITAL_SHARE


def capital_share(tokens: Sequence[str]) -> float:
    """Return the share of words with a capital among the whole ASCII words of two letters and more, 0 to 1.

    >>> capital_share(["[CLS]", "gene", "##TM", "P", "BRCA", "Über"])
    0.5
    """
    words = [token for token in tokens if len(token) > 1 and token.isascii() and token.isalpha()]
    return sum(not word.islower() for word in words) / max(1, len(words))


def _name(lowercase: bool) -> str:
    return "uncased" if lowercase else "cased"
