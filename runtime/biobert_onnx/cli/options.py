"""The options of the command, by the names that the library gives them in its messages."""

import re
from functools import partial

OPTIONS = {
    name: "--" + name.replace("_", "-")
    for name in (
        "calibration",
        "casing",
        "column",
        "delimiter",
        "engine",
        "field",
        "format",
        "into",
        "layers",
        "layout",
        "literal_special_tokens",
        "long_texts",
        "max_length",
        "min_cosine",
        "min_neighbours",
        "missing",
        "normalize",
        "pair_column",
        "pairs",
        "platform",
        "pooling",
        "precision",
        "prompt",
        "prompt_name",
        "python",
        "quoting",
        "resume",
        "revision",
        "threads",
        "to",
        "token",
        "tokens",
        "truncate_dim",
    )
}
"""Arguments of the library's functions, and the command's options for them."""

NAME = "|".join(OPTIONS)
UNQUOTED = r"(?<![\w'\"/.-])"
"""Before a name: not inside a longer one, a path or quotes."""

NAME_WITH_UNDERSCORE = "|".join(name for name in OPTIONS if "_" in name)

HEADING = r"^\w+: "
"""The name of a rule before what was decided, as in "max_length: 64 (by max_length=)": no argument."""

RULES = (
    (re.compile(rf"{UNQUOTED}({NAME})=True(?!\w)"), "{}"),
    (re.compile(rf"{UNQUOTED}({NAME})=False(?!\w)"), "no {}"),
    (re.compile(rf"{UNQUOTED}({NAME})=(?=['\"\w])"), "{} "),
    (re.compile(rf"{UNQUOTED}({NAME})="), "{}"),
    (re.compile(rf"^({NAME})(?= (?:is|holds) )"), "{}"),
    (re.compile(rf"(?!{HEADING}){UNQUOTED}({NAME_WITH_UNDERSCORE})(?![\w'\"/.-])"), "{}"),
)
"""What is found in a message, and what takes its place, with the option for {}."""


def with_options(message: str) -> str:
    """Return a `message` of the library, in which arguments are named as the command's options.

    >>> with_options("threads is 0, expected at least 1: or choose long_texts='window' with a lower max_length")
    "--threads is 0, expected at least 1: or choose --long-texts 'window' with a lower --max-length"
    """
    for pattern, shown in RULES:
        message = pattern.sub(partial(_option, shown=shown), message)
    return message


def _option(match: re.Match[str], shown: str) -> str:
    return shown.format(OPTIONS[match[1]])
