"""The places of Markdown pages that `benchmarks.render` fills from the records."""

from collections.abc import Iterable

END = "<!-- end -->\n"


def filled(page: str, name: str, lines: Iterable[str]) -> str:
    r"""Return `page` with `lines` in its place `name`, of whose two marks each stands on a line of its own.

    Blank lines go around them, without which some readers of Markdown see no table. Raises ValueError unless the page
    has one such place.

    >>> filled("a\n<!-- benchmarks.render: x -->\nold\n<!-- end -->\nb\n", "x", ["new"])
    'a\n<!-- benchmarks.render: x -->\n\nnew\n\n<!-- end -->\nb\n'
    """
    begin = f"<!-- benchmarks.render: {name} -->\n"
    before, *rest = page.split(begin)
    if len(rest) != 1 or END not in rest[0]:
        found = len(rest) if rest and END in rest[-1] else 0
        marks = f"'{begin.strip()}' and '{END.strip()}'"
        raise ValueError(f"the page has {found} places '{name}', expected one, between {marks}")
    _, after = rest[0].split(END, 1)
    text = "\n".join(lines).strip("\n")
    return f"{before}{begin}\n{text}\n\n{END}{after}"
