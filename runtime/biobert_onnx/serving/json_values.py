"""Values of JSON as messages to a client show them: in JSON's notation and with JSON's names of types."""

import json
import reprlib

JSON_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
"""The names that JSON (RFC 8259) has for the types of `json.loads`."""

MAX_CHARACTERS = 60
"""Characters of a value in a message."""


def json_type(value: object) -> str:
    """Return the name that JSON has for the type of `value`, or Python's name of a type that JSON lacks.

    >>> json_type(None), json_type([1]), json_type(True)
    ('null', 'array', 'boolean')
    """
    return JSON_TYPES.get(type(value), type(value).__name__)


def short_json(value: object) -> str:
    """Return at most 60 characters of `value` in JSON; "..." stands for what is left out.

    >>> print(short_json({"text": None, "tags": ["a", True]}), short_json("a" * 100))
    {"tags": ["a", true], "text": null} "aaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaa"
    """
    return _SHORT.repr(value)[:MAX_CHARACTERS]


class _ShortJson(reprlib.Repr):
    """`reprlib` in JSON's notation; it calls `repr_` and the name of a value's type."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.maxlong = 40

    def repr_NoneType(self, value: None, level: int) -> str:
        return "null"

    def repr_bool(self, value: bool, level: int) -> str:
        return json.dumps(value)

    def repr_float(self, value: float, level: int) -> str:
        return json.dumps(value)

    def repr_str(self, value: str, level: int) -> str:
        """The middle of a long text is left out, before it is escaped, so that a text of megabytes costs nothing."""
        if len(value) <= self.maxstring:
            return _escaped(value)
        kept = self.maxstring - len('"..."')
        return _escaped(value[: kept // 2] + "..." + value[-(kept - kept // 2) :])


def _escaped(text: str) -> str:
    """The JSON string `text`, a lone surrogate as its escape, so that the message is valid Unicode."""
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")


_SHORT = _ShortJson()
