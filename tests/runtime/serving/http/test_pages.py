"""The pages: what is served, to whom, and that nothing in them asks another server or runs what it is sent."""

import re
from pathlib import Path

import pytest

from biobert_onnx.serving.http.app import ROUTES
from biobert_onnx.serving.http.pages import FILES, FOLDER
from tests.support.servers import Server, running

PAGES = sorted(FOLDER.glob("*.html"))
SCRIPTS = sorted(FOLDER.glob("*.js"))
LINK = re.compile(r'(?:src|href)="([^"#]*)')


@pytest.mark.parametrize("path", FILES)
def test_a_page_and_its_parts_come_with_the_policy_that_forbids_other_servers(server: Server, path: str) -> None:
    status, headers, content = server.respond("GET", path)
    assert (status, content) == (200, (FOLDER / FILES[path]).read_bytes())
    assert headers["content-security-policy"].startswith("default-src 'self'; ")
    assert headers["x-content-type-options"] == "nosniff"
    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    assert headers["content-type"].partition(";")[0] == kinds[Path(FILES[path]).suffix]
    status, headers, content = server.respond("HEAD", path)
    assert (status, content) == (200, b"")


def test_every_file_of_the_folder_is_served() -> None:
    assert sorted(FILES.values()) == sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("path", ["/page/", "/page/index.html", "/page/../pages.py", "/page/..%2fpages.py"])
def test_nothing_else_is_served(server: Server, path: str) -> None:
    assert server.refusal(b"", "GET", path)[0] == 404


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_to_routes(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert len(links) > 3
    assert {"/" + link.removeprefix("./") for link in links if link} <= {route.path for route in ROUTES}


@pytest.mark.parametrize("file", [*PAGES, *SCRIPTS, FOLDER / "page.css"], ids=lambda file: file.name)
def test_no_file_has_what_the_policy_forbids_or_makes_markup_of_texts(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|\bstyle=|javascript:", text)
    assert not re.search(r"//\w+\.(?!w3\.org)|@import|\burl\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text)


def test_the_pages_need_no_key_and_what_they_ask_does(artifact: Path) -> None:
    with running(artifact, BIOBERT_ONNX_API_KEY="secret") as server:
        assert {server.respond("GET", path)[0] for path in FILES} == {200}
        assert server.respond("GET", "/info")[0] == server.respond("POST", "/", {"inputs": "a"})[0] == 401
