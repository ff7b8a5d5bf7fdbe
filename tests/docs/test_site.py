"""`make site`: no page is left out, no link is dead, nothing is loaded from elsewhere, every public call is there."""

import ast
import re
import time
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs.website.docstrings import as_markdown
from docs.website.gather import WEBSITE, with_switched_pictures
from tests.support.browser import CHROMEDRIVER, CHROMIUM, browsing
from tests.support.pages import DOCS, PAGES, PROJECT
from tests.support.website import Page, is_outside, make_website

INDEX = DOCS / "README.md"
REFERENCE = WEBSITE / "pages" / "reference"
PAGE_OF = {
    name: page
    for page in sorted(REFERENCE.glob("*.md"))
    for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
}
"""The page that describes a module, or a name which a module of the same name hides in its package."""


def source_of(module: str) -> Path:
    path = PROJECT / ("export" if module.startswith("biobert_onnx_export") else "runtime") / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


MODULES = [name for name in PAGE_OF if source_of(name).is_file()]

NAV: list[dict[str, Any]] = tomllib.loads((WEBSITE / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]


@pytest.fixture(scope="module")
def website(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_website(tmp_path_factory.mktemp("website") / "website")


@cache
def page_at(path: Path) -> Page:
    return Page(path)


def pages_of(website: Path) -> list[Page]:
    return [page_at(path) for path in sorted(website.rglob("*.html")) if path.name != "404.html"]


def paths(nav: Any) -> Iterator[str]:
    """The paths of a part of the navigation, in order."""
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from paths(part)


def public_names(module: str) -> list[str]:
    """What a module exports, or else the classes and functions that it defines for others."""
    tree = ast.parse(source_of(module).read_text(encoding="utf-8"))
    exported = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    defined = [
        node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [name for name in (ast.literal_eval(exported[0]) if exported else defined) if not name.startswith("_")]


def test_every_page_of_the_project_is_in_the_navigation_once() -> None:
    pages = [page.relative_to(PROJECT).as_posix() for page in PAGES]
    reference = [page.relative_to(WEBSITE / "pages").as_posix() for page in REFERENCE.glob("*.md")]
    assert sorted(paths(NAV)) == sorted([*pages, *reference])


def test_the_groups_of_the_navigation_are_those_of_the_index() -> None:
    groups = next(part["Documentation"] for part in NAV if "Documentation" in part)[1:]
    elsewhere = {"README.md", "benchmarks/README.md"}
    assert {title: list(paths(part)) for group in groups for title, part in group.items()} == {
        title: [page for page in pages if page not in elsewhere] for title, pages in groups_of_the_index().items()
    }


def groups_of_the_index() -> dict[str, list[str]]:
    """The pages under each title of the third level in docs/README.md; links to a title in a page are left out."""
    sections = re.split(
        r"^### (.+)$", INDEX.read_text(encoding="utf-8").partition("\n## The public calls")[0], flags=re.M
    )
    return {
        title: [
            (DOCS / link).resolve().relative_to(PROJECT).as_posix() for link in re.findall(r"\]\(([^)#]+)\)", section)
        ]
        for title, section in zip(sections[1::2], sections[2::2], strict=True)
    }


def test_no_link_of_the_website_is_dead(website: Path) -> None:
    dead = []
    for page in pages_of(website):
        for link in page.links:
            if not is_outside(link):
                path, anchor = page.target(link)
                anchors = page_at(path).anchors if anchor and path.is_file() else set()
                if not path.is_file() or (anchor and anchor not in anchors):
                    dead.append(f"{page.path.relative_to(website)}: {link}")
    assert dead == []


def test_the_website_loads_nothing_but_its_own_files(website: Path) -> None:
    for page in pages_of(website):
        assert [link for link in page.loaded if is_outside(link) or not page.target(link)[0].is_file()] == [], page.path
    styles = "".join(path.read_text(encoding="utf-8") for path in website.rglob("*.css"))
    assert re.findall(r"url\((?![\"']?data:)[^)]*\)|@import", styles) == []


@pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None, reason="needs Debian's packages chromium and chromium-driver"
)
def test_the_search_finds_a_call_in_pages_that_were_opened_as_files(website: Path, tmp_path: Path) -> None:
    results = """
        const roots = [...document.querySelectorAll("*")].map(element => element.shadowRoot).filter(root => root);
        return roots.flatMap(root => [...root.querySelectorAll("a")].map(link => link.href));
    """
    with browsing(tmp_path) as browser:
        browser.look(width=1280)
        browser.open((website / "docs" / "serving.html").as_uri())
        browser.click(".md-search__button")
        browser.insert("quantize_embeddings")
        end = time.monotonic() + 30
        while not (found := browser.script(results)) and time.monotonic() < end:
            time.sleep(0.1)
        assert [
            link
            for link in found
            if link.endswith("/index.html?h=quantize_embeddings#biobert_onnx.quantize_embeddings")
        ]
        assert browser.log() == []


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_of_a_module_is_in_the_reference(website: Path, module: str) -> None:
    anchors = page_at(website / "reference" / f"{PAGE_OF[module].stem}.html").anchors
    assert [
        name for name in public_names(module) if not {f"{module}.{name}", f"{module}.{name}.{name}"} & anchors
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_module_that_a_page_imports_from_is_in_the_reference(page: Path) -> None:
    imported = re.findall(r"^(?:from|import) (biobert_onnx[\w.]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(imported) <= set(MODULES)


def test_a_picture_of_two_colours_becomes_two_that_the_website_switches() -> None:
    picture = (
        '<picture><source media="(prefers-color-scheme: dark)" srcset="d.svg"><img src="l.svg" alt="It."></picture>'
    )
    assert (
        with_switched_pictures(picture) == '<img src="l.svg#only-light" alt="It."><img src="d.svg#only-dark" alt="It.">'
    )


def test_every_picture_of_the_pages_is_switched() -> None:
    assert [page for page in PAGES if "<picture" in with_switched_pictures(page.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_no_page_escapes_a_bar_in_code_whose_backslash_the_website_would_show(page: Path) -> None:
    assert "\\|" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("docstring", "markdown"),
    [
        (
            "Add.\n\n`a`, `b`: what to\nadd.\n`c`: x. `d` and `e`: y.",
            "Add.\n\n\n\n- `a`, `b`: what to\nadd.\n\n\n- `c`: x. \n\n- `d` and `e`: y.",
        ),
        (
            ">>> add(1,\n...     2)\n3\n\n>>> add(2, 2)\n4\n\nRaises.",
            "```pycon\n>>> add(1,\n...     2)\n3\n\n>>> add(2, 2)\n4\n```\n\nRaises.",
        ),
        ("An array<float>, or </s>; 1 < 2", "An array&lt;float>, or &lt;/s>; 1 < 2"),
        ("`a<b>`:\n\n    c<d>\n\n>>> e<f>\n", "`a<b>`:\n\n    c<d>\n\n```pycon\n>>> e<f>\n```"),
    ],
    ids=["arguments", "doctests", "tags", "tags in code"],
)
def test_a_docstring_becomes_markdown(docstring: str, markdown: str) -> None:
    assert as_markdown(docstring) == markdown
