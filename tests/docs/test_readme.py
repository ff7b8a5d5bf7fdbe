"""README.md and the index of docs/: their code prints what they show, in a folder where an artifact is."""

import ast
import asyncio
import re
from collections.abc import Iterator
from inspect import CO_COROUTINE
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import biobert_onnx
from biobert_onnx import SentenceEncoder
from biobert_onnx.cli.main import main
from tests.support.pages import DOCS, PROJECT, README, Block, blocks, code_of_rows, runnable_blocks, same_output

INDEX = DOCS / "README.md"
ARTIFACT = "my-artifact"

EXAMPLES = [block for page in (README, INDEX) for block in blocks(page) if block.language == "python"]
COMMANDS = [words for block in runnable_blocks(README) if block.language == "console" for words in block.commands]

JOBS = code_of_rows(README)
"""The table of jobs: code by job."""

IN_PYTHON = (
    "a list of texts",
    "texts of too many tokens",
    "smaller vectors",
    "any number of texts",
    "an async service",
)
ON_THE_COMMAND_LINE = ("a file", "AWS Lambda")
ELSEWHERE = {
    "HTTP, with clients of OpenAI or TEI": "tests/runtime/serving/http/test_serve.py asks such a server",
    "a column of Spark": "tests/runtime/spark/test_coming_from.py runs it",
    "a table, one row a sentence": "tests/runtime/spark/test_coming_from.py runs it",
}

SECTIONS = [
    "Install",
    "Your first vectors",
    "How good, how fast",
    "Use it",
    "Choosing and checking",
    "Coming from another library",
    "Limits",
    "Help, contributing, licence, citation",
]

HOUSE_WORDS = {
    "checkpoint": "a checkpoint (the files of a trained model)",
    "artifact": "an artifact (a folder",
    "pooling": "**Pooling** (how the vectors of the tokens become one)",
    **dict.fromkeys(
        ("gate", "gated", "recipe", "recipes", "site", "sites", "ladder", "yardstick", "rung", "micro-batch"), None
    ),
    **dict.fromkeys(("micro-batches", "stand-in", "prepack", "held-out", "lone", "seeded", "products"), None),
}
"""Words with a meaning of this project's own, and the words of the sentence that explains each; None: not used."""


@pytest.fixture
def reader(minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory where `my-artifact` is the artifact of all-MiniLM-L6-v2, with two texts in a file."""
    (tmp_path / ARTIFACT).symlink_to(minilm)
    (tmp_path / "abstracts.txt").write_text("I hate cancer\nAntibiotics aren't painkiller\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.parametrize("page", [README, INDEX], ids=lambda page: str(page.relative_to(PROJECT)))
def test_the_page_has_an_example(page: Path) -> None:
    assert [block for block in EXAMPLES if block in blocks(page)]


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda block: str(block.heading))
def test_an_example_prints_what_the_page_shows(example: Block, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(example.code, example.place, "exec"), {})
    assert example.output is not None
    assert same_output(capsys.readouterr().out, example.output)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_of_the_readme_runs(words: list[str]) -> None:
    assert (words[0], main(words[1:])) == ("biobert-onnx", 0)


def test_every_job_is_run_or_says_where() -> None:
    assert sorted(JOBS) == sorted([*IN_PYTHON, *ON_THE_COMMAND_LINE, *ELSEWHERE])


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("job", IN_PYTHON)
def test_the_code_of_a_job_runs(job: str) -> None:
    encoder = SentenceEncoder(ARTIFACT, threads=2)
    texts = ["I hate cancer", "Antibiotics aren't painkiller"]
    names = {**vars(biobert_onnx), "encoder": encoder, "texts": texts, "vectors": encoder.encode(texts)}
    value = evaluated(JOBS[job], names)
    if value is not None:
        assert isinstance(value, np.ndarray)
        assert len(value) == len(texts)


def evaluated(line: str, names: dict[str, Any]) -> Any:
    """Run one line of Python, which may await; return its value, None for a statement."""
    mode = "exec" if line.startswith("for ") else "eval"
    code = compile(line, "README.md", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    value = eval(code, names)
    return asyncio.run(value) if code.co_flags & CO_COROUTINE else value


@pytest.mark.parametrize("job", ON_THE_COMMAND_LINE)
def test_the_command_of_a_job_writes_its_file(job: str, reader: Path) -> None:
    program, *arguments = JOBS[job].split()
    assert (program, main(arguments)) == ("biobert-onnx", 0)
    output = next(word for word in arguments if word.endswith((".npy", ".zip")))
    assert (reader / output).stat().st_size > 0


def test_the_readme_has_at_most_150_lines() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_the_sections_of_the_readme_come_in_the_order_of_a_newcomers_questions() -> None:
    assert re.findall(r"^## (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE) == SECTIONS


@pytest.mark.parametrize("word", HOUSE_WORDS)
def test_a_word_of_the_house_is_explained_where_it_first_occurs(word: str) -> None:
    prose = prose_of(README.read_text(encoding="utf-8"))
    found = re.search(rf"\b{re.escape(word)}\b", prose, re.IGNORECASE)
    explanation = HOUSE_WORDS[word]
    if explanation is None:
        assert found is None
        return
    assert found is not None
    begin = prose.index(explanation)
    assert begin <= found.start() < begin + len(explanation)


def prose_of(page: str) -> str:
    """`page` on one line, without blocks of code, code in a line, and where links lead to."""
    for code in (r"^```.*?^```$", r"`[^`]*`", r"\]\([^)]*\)", r"<[^>]*>"):
        page = re.sub(code, "", page, flags=re.MULTILINE | re.DOTALL)
    return " ".join(page.split())


def test_the_readme_installs_the_torch_that_the_constraints_pin() -> None:
    pinned = re.findall(r"^torch==\S+$", (PROJECT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    for page in (README, PROJECT / "CONTRIBUTING.md"):
        assert set(re.findall(r"torch==[\d.]+", page.read_text(encoding="utf-8"))) == set(pinned)


def test_the_index_names_every_page() -> None:
    index = INDEX.read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if page != INDEX and f"]({page.name})" not in index] == []


def test_the_index_names_every_extra() -> None:
    project = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    section = project.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = re.findall(r"^([\w-]+) = \[", section, re.MULTILINE)
    named = re.findall(r"`([\w-]+)`", INDEX.read_text(encoding="utf-8").partition("## Extras")[2])
    assert sorted(set(extras) - set(named)) == []
