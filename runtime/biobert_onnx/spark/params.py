"""Params as Spark NLP's stages have them: a getter for every param, and help with names that do not exist."""

from difflib import get_close_matches
from functools import cache, partial
from typing import Any, Self

from pyspark.ml.param import Param, Params, TypeConverters


class SparkNlpParams(Params):
    """Params with a getter each: `getX` returns what `setX` set, or the default, or None.

    Another name that begins with `get` or `set` raises an AttributeError that names those which are like it.
    """

    lazyAnnotator: Param[bool] = Param(
        Params._dummy(), "lazyAnnotator", "accepted, without a meaning here", TypeConverters.toBoolean
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(lazyAnnotator=False)

    def setLazyAnnotator(self, value: bool) -> Self:
        """Set the param of that name; it has no meaning here, because Spark computes every column only when asked."""
        return self._set(lazyAnnotator=value)

    def __getattr__(self, name: str) -> Any:
        # Python calls this for names that are no attributes.
        getters = _getters(type(self))
        if name in getters:
            return partial(self._value, getters[name])
        message = f"{type(self).__name__} has no {name}"
        if name.startswith(("get", "set")):
            known = [other for other in dir(self) if other.startswith(("get", "set"))]
            near = get_close_matches(name, known, cutoff=0.7)
            message += f": is it {' or '.join(near)}?" if near else ""
        raise AttributeError(message, name=name, obj=self)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_getters(type(self))})

    def _value(self, param: str) -> Any:
        return self.getOrDefault(param) if self.isDefined(param) else None


@cache
def _getters(stage: type) -> dict[str, str]:
    """Return the name of the param for the name of each getter."""
    names = [name for name in dir(stage) if isinstance(getattr(stage, name), Param)]
    return {"get" + name[0].upper() + name[1:]: name for name in names}
