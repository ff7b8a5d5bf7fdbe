"""What properties are tried on: texts of every kind, JSON of every shape, files with some bytes changed."""

from typing import Any

from hypothesis import strategies as st

from tests.support.texts import TEXTS

SPECIAL = (
    "[CLS]",
    "[SEP]",
    "[UNK]",
    "[PAD]",
    "[MASK]",
    "##s",
    "[",
    "]",
    "<s>",
    "</s>",
    "<pad>",
    "<unk>",
    "<mask>",
    "'s",
    "\u0120",
)
BLANKS = (" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2028", "\u3000", "\u200b", "\x00", "\x1f", "\ufeff")
MARKS = (
    "\u0301",
    "e\u0301",
    "\u212b",
    "\uac00",
    "\u1100\u1161",
    "\u0130",
    "\ufb01",
    "\u1e9e",
    "\U0001d6fc",
    "\U0001f600",
)
WORDS = tuple(sorted({word for text in TEXTS for word in text.split()}))

PIECES = st.one_of(st.text(max_size=10), st.sampled_from((*WORDS, *SPECIAL, *BLANKS, *MARKS)))

texts = st.lists(PIECES, max_size=12).map("".join)
"""Any code points but surrogates, among words, blanks, special tokens written out, and marks that casing changes."""

code_points = st.text(st.characters(codec=None), max_size=6)
"""Lone surrogates too."""

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), code_points, st.sampled_from(WORDS))

json_values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(code_points, inner, max_size=4))
)

nestings = st.integers(1, 1200).map(lambda depth: "[" * depth + "]" * depth)
"""JSON of lists in lists, around the depth that Python can follow."""


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """`content` with a few pieces overwritten, inserted or taken out."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(changed)))
        stop = start + draw(st.integers(0, 8))
        changed[start:stop] = draw(st.binary(max_size=8))
    return bytes(changed)


@st.composite
def altered(draw: st.DrawFn, value: Any) -> Any:
    """The JSON `value` with one value in it, however deep, replaced or removed."""
    if isinstance(value, dict) and value and draw(st.booleans() | st.just(True)):
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 9)) == 0:
            return {name: value[name] for name in value if name != key}
        return {**value, key: draw(altered(value[key]))}
    return draw(json_values)
