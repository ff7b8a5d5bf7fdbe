"""The page about PubMed: its memory does not grow with the file, and messages lead to it."""

import tracemalloc
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx.files.formats import open_reader
from tests.support.pages import DOCS, runnable_blocks

PAGE = DOCS / "pubmed.md"

ARTICLE = (
    '<PubmedArticle><MedlineCitation><PMID Version="1">{number}</PMID><Article><ArticleTitle>Title {number}.'
    "</ArticleTitle><Abstract><AbstractText>{text}</AbstractText></Abstract></Article></MedlineCitation>"
    "<PubmedData><ArticleIdList>{ids}</ArticleIdList></PubmedData></PubmedArticle>\n"
)


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the page's blocks of Python define."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in runnable_blocks(PAGE):
        if block.language == "python":
            exec(compile(block.code, block.place, "exec"), names)
    capsys.readouterr()
    return names


def peak(names: dict[str, Any], path: Path, articles: int) -> int:
    """Bytes at the peak of reading a file of so many articles."""
    ids = "<ArticleId>7</ArticleId>" * 20
    with path.open("w", encoding="utf-8") as file:
        file.write("<PubmedArticleSet>\n")
        for number in range(articles):
            file.write(ARTICLE.format(number=number, text="again and " * 100, ids=ids))
        file.write("</PubmedArticleSet>\n")
    tracemalloc.start()
    try:
        [last] = deque(names["articles_of_xml"](str(path)), maxlen=1)
        assert last["title"] == f"Title {articles - 1}."
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_memory_of_xml_is_that_of_few_articles(names: dict[str, Any], tmp_path: Path) -> None:
    few, many = (peak(names, tmp_path / "many.xml", articles) for articles in (100, 2000))
    assert many < 1.5 * few


def test_a_citation_may_have_any_fields_in_between(names: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.nbib"
    path.write_text(
        "\ufeffPMID- 1\nOWN - NLM\nTI  - A title - with a dash:\n      and its end.\nMH  - Humans\n      kept out\n"
        "AB  - AIM: To see.\n      AB  - in the middle.\nFAU - Doe, Jane\n\n\nPMID- 2\nOWN - NLM\n",
        encoding="utf-8",
    )
    assert list(names["articles_of_nbib"](path)) == [
        {"pmid": "1", "title": "A title - with a dash: and its end.", "abstract": "AIM: To see. AB  - in the middle."},
        {"pmid": "2", "title": "", "abstract": ""},
    ]


@pytest.mark.parametrize("name", ["a.nbib", "a.xml", "a.xml.gz"])
def test_a_file_of_pubmed_is_refused_with_the_page(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"should end in .*: write its texts into .* \(docs/pubmed\.md does it"):
        open_reader(str(tmp_path / name))
