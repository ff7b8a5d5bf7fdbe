"""The schema of manifest.json: what must be there, of which type, and where a manifest differs from it."""

from collections.abc import Iterator, Mapping
from typing import Any

from biobert_onnx.errors import short_repr

EACH = "*"
"""Stands for every key of an object."""

OPTIONAL = ("known_answers",)
"""Keys that manifests of older versions do not have."""

Schema = type | tuple[str, ...] | list[Any] | Mapping[str, Any]
"""A type, the words that are allowed, a list of one schema, or an object: schemas by key, other keys being free."""

FIGURES = {"texts": int, "cosine_mean": float, "cosine_p1": float, "cosine_min": float}
FILE = {"size": int, "sha256": str}
ANSWER = {"casing": str, "distance": float}

MANIFEST_SCHEMA = {
    "name": str,
    "dim": int,
    "max_length": int,
    "max_positions": int,
    "pooling": ("mean", "cls", "pooler"),
    "normalized": bool,
    "precision": ("int8", "fp32"),
    "casing": ("cased", "uncased"),
    "checkpoint": {"source": str, "weights": str, "sha256": str, "known_answers": {EACH: [ANSWER]}},
    "versions": {EACH: str},
    "quantization": {},
    "fidelity": {EACH: {**FIGURES, "by_length": {EACH: FIGURES}}},
}
"""But for `files`, of which the artifact says which ones it cannot be without."""


def differences(value: object, schema: Schema, place: str = "") -> Iterator[str]:
    """What in `value`, which JSON holds at `place`, is not as `schema` has it: the place, what is there, the expected.

    >>> list(differences({"dim": "96"}, {"dim": int, "name": str}))
    ["dim is '96', expected int", 'name is None, expected str']
    """
    if isinstance(schema, Mapping) and isinstance(value, Mapping):
        for key in dict.fromkeys([*schema, *(value if EACH in schema else ())]):
            if key != EACH and (key in value or key not in OPTIONAL):
                yield from differences(value.get(key), schema.get(key, schema.get(EACH)), f"{place}.{key}".lstrip("."))
    elif isinstance(schema, list) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from differences(item, schema[0], f"{place}[{index}]")
    elif not _fits(value, schema):
        yield f"{place} is {short_repr(value)}, expected {_name(schema)}"


def _fits(value: object, schema: Schema) -> bool:
    if isinstance(schema, tuple):
        return value in schema
    if schema is int:
        return type(value) is int and value >= 0  # every number of a manifest is a count, and True is none
    if schema is float:
        return type(value) in (int, float)
    return isinstance(schema, type) and isinstance(value, schema)


def _name(schema: Schema) -> str:
    if isinstance(schema, tuple):
        return f"one of {', '.join(schema)}"
    if isinstance(schema, list):
        return "a list"
    return schema.__name__ if isinstance(schema, type) else "an object"
