"""The places of Markdown pages that `benchmarks.render` fills from the records."""

import re
from collections.abc import Iterable


def filled(page: str, name: str, lines: Iterable[str]) -> str:
    r"""Return `page` with `lines` in its place `name`, of whose two marks each stands on a line of its own.

    Raises ValueError unless the page has one such place.

    >>> filled("a\n<!-- benchmarks.render: x -->\nold\n<!-- end -->\nb\n", "x", ["new"])
    'a\n<!-- benchmarks.render: x -->\nnew\n<!-- end -->\nb\n'
    """
    begin = f"<!-- benchmarks.render: {name} -->\n"
    place = re.compile(rf"(?<={re.escape(begin)}).*?(?=<!-- end -->\n)", re.DOTALL)
    found = len(place.findall(page))
    if found != 1:
        raise ValueError(f"the page has {found} places '{name}', expected one, between '{begin.strip()}' and an end")
    return place.sub(lambda _: "".join(f"{line}\n" for line in lines), page)
