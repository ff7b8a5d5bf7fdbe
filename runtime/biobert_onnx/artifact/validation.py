"""What a JSON value must hold, read off the types of a dataclass: where a value differs from them."""

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

from biobert_onnx.errors import short_repr


@dataclass(frozen=True)
class Keys:
    """In `Annotated[Mapping[...], Keys(...)]`: the keys that must be there; others may be.

    `names`: all of them. `one_of`: groups of which one must be there, whole.
    """

    names: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...] = ((),)

    def expected(self, found: Collection[str]) -> tuple[str, ...]:
        """Return the keys that a mapping with the keys `found` must have: the group that lacks least, and `names`."""
        return (*min(self.one_of, key=lambda group: len(set(group).difference(found))), *self.names)


def differences(value: object, kind: Any, place: str = "") -> Iterator[str]:
    """Yield where `value`, which JSON holds at `place`, differs from the type `kind`: place, value, expected type.

    `kind` is a dataclass, a TypedDict, Mapping[str, T], list[T], str, bool, int (a count: not negative), float, one of
    these or None, a Literal, or Any. Of `Annotated[T, U]` it is U. Keys that `kind` does not name are free, and a field
    with a default may be absent.

    >>> from typing import NotRequired, TypedDict
    >>> class Table(TypedDict):
    ...     rows: int
    ...     name: NotRequired[str]
    >>> list(differences({"rows": "96"}, Table)), list(differences({"rows": 96, "name": None}, Table))
    (["rows is '96', expected int"], ['name is None, expected str'])
    """
    kind, keys = _without_annotations(kind)
    kind = _type_of_objects(value, kind)
    types = _types_by_key(value, kind, keys)
    if types is not None and isinstance(value, Mapping):
        for key, each in types.items():
            at = f"{place}.{key}".lstrip(".")
            if key not in value and _fits(None, each):  # null is a value of it, and must be said
                yield f"{at} is absent, expected {_name(each)}"
            yield from differences(value.get(key), each, at)
    elif get_origin(kind) is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from differences(item, get_args(kind)[0], f"{place}[{index}]")
    elif not _fits(value, kind):
        yield f"{place} is {short_repr(value)}, expected {_name(kind)}"


def _without_annotations(kind: Any) -> tuple[Any, Keys]:
    """The type that decides, and the keys that a mapping of it must have."""
    keys = Keys(())
    if get_origin(kind) is Annotated:
        kind, *rules = get_args(kind)
        for rule in rules:
            if isinstance(rule, Keys):
                keys = rule
            else:
                kind = rule
    return kind, keys


def _type_of_objects(value: object, kind: Any) -> Any:
    """The member of a union `kind` that `value`, if it is an object, is compared with; else `kind`."""
    if isinstance(kind, UnionType) and isinstance(value, Mapping):
        return next((each for each in get_args(kind) if get_origin(each) is Mapping), kind)
    return kind


def _types_by_key(value: object, kind: Any, keys: Keys) -> Mapping[str, Any] | None:
    """The type of each key that `value` must have or has; None if `kind` is no type of objects."""
    if get_origin(kind) is Mapping:
        found = value if isinstance(value, Mapping) else {}
        return dict.fromkeys([*keys.expected(found), *found], get_args(kind)[1])
    if not (is_typeddict(kind) or is_dataclass(kind)):
        return None
    types, needed = _fields_of(kind)
    present = value if isinstance(value, Mapping) else {}
    if present.keys() >= types.keys():
        return types
    return {key: each for key, each in types.items() if key in needed or key in present}


@cache  # a plan has hundreds of records of one kind
def _fields_of(kind: Any) -> tuple[Mapping[str, Any], Set[str]]:
    """The type of each key of a TypedDict, without NotRequired, or of a dataclass; and the keys that must be there."""
    if is_typeddict(kind):
        return get_type_hints(kind), kind.__required_keys__
    needed = {each.name for each in fields(kind) if each.default is each.default_factory is MISSING}
    return get_type_hints(kind, include_extras=True), needed


def _fits(value: object, kind: Any) -> bool:
    if kind is Any:
        return True
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if isinstance(kind, UnionType):
        return any(_fits(value, each) for each in get_args(kind))
    if kind is int:
        return type(value) is int and value >= 0  # True is no count
    if kind is float:
        return type(value) in (int, float)
    return isinstance(kind, type) and not is_typeddict(kind) and isinstance(value, kind)


def _name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if get_origin(kind) is list:
        return "a list"
    if isinstance(kind, UnionType):
        return " or ".join(map(_name, get_args(kind)))
    if kind is NoneType:
        return "null"
    return kind.__name__ if kind in (str, bool, int, float) else "an object"
