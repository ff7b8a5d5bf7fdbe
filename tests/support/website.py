"""The website of `make site`, made anew in a folder, and the links and anchors of its pages."""

import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from docs.website.gather import gather


def make_website(folder: Path) -> Path:
    """Make the website as `make site` does, where a warning is an error; return the folder of its pages."""
    gather(folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(folder / "zensical.toml")]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder / "site"


@dataclass
class Page(HTMLParser):
    """What a page of the website leads to, loads and can be led to: `links`, `loaded`, `anchors`."""

    path: Path
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.anchors.add(str(value))
            elif name == "href" and tag == "a":
                self.links.append(str(value))
            elif name in ("href", "src", "srcset"):
                self.loaded.append(str(value))

    def target(self, link: str) -> tuple[Path, str]:
        """The file and the anchor that `link` leads to."""
        parts = urlsplit(link)
        path = (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path
        return path, unquote(parts.fragment)


def is_outside(link: str) -> bool:
    """Whether `link` leads to another host."""
    return bool(urlsplit(link).netloc)
