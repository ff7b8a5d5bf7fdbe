"""Put all that the website is made of into one folder.

    python docs/website/gather.py build/website

Its `pages/` holds the files of the website's own `pages/`, and the project's pages with what they show and link to,
each at its path in the checkout: so the relative links of a page lead to the same files on the website.
"""

import re
import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
WEBSITE = Path(__file__).parent

PAGES = ("*.md", "docs/*.md", "benchmarks/README.md")
LINKED = (
    "benchmarks/plots/*.svg",
    "benchmarks/results/*/*.json",
    "runtime/biobert_onnx/catalog/*.py",
    "runtime/biobert_onnx/serving/http/page/icon.svg",
)
SOURCES = ("runtime", "export")

PICTURE = re.compile(
    r'<picture><source media="\(prefers-color-scheme: dark\)" srcset="(?P<dark>[^"]+)">'
    r'<img src="(?P<light>[^"]+)" (?P<alt>alt="[^"]*")></picture>'
)


def gather(folder: Path) -> None:
    """Make `folder` anew: the configuration, the pages, and links to the sources whose docstrings are the reference."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(WEBSITE, folder)
    for name in SOURCES:
        (folder / name).symlink_to(PROJECT / name)
    for path in _files(PAGES):
        page = path.read_text(encoding="utf-8")
        _place(path, folder / "pages").write_text(with_switched_pictures(page), encoding="utf-8")
    for path in _files(LINKED):
        shutil.copyfile(path, _place(path, folder / "pages"))


def with_switched_pictures(page: str) -> str:
    """Let the website's switch choose between light and dark pictures, where repository viewers ask the system."""
    return PICTURE.sub(r'<img src="\g<light>#only-light" \g<alt>><img src="\g<dark>#only-dark" \g<alt>>', page)


def _files(patterns: tuple[str, ...]) -> list[Path]:
    return [path for pattern in patterns for path in PROJECT.glob(pattern)]


def _place(path: Path, pages: Path) -> Path:
    """Where `path` of the checkout lies in `pages`; its folder is made."""
    place = pages / path.relative_to(PROJECT)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
