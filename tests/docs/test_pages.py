"""The pages of docs/: every block of Python and every command runs as it stands there, in order."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.correctness import judge
from benchmarks.harness.subjects import Subject
from benchmarks.peers.contenders import CONTENDERS, REFERENCE
from benchmarks.report.looks import LOOKS
from biobert_onnx.cli.main import main
from biobert_onnx.serving import serverless
from biobert_onnx_export.reference.texts import TextSets
from tests.support.pages import DOCS, PAGES, PROJECT, Block, blocks, call_program, runnable_blocks
from tests.support.servers import EMBEDDINGS, running
from tests.support.texts import TEXTS

CONTENDER = "adding-a-contender.md"
RUN_HERE = (
    "command.md",
    "pubmed.md",
    "int8.md",
    "fidelity.md",
    "serverless.md",
    "serving.md",
    "tokens.md",
    "adding-a-pass.md",
    "export.md",
    "models.md",
    "design.md",
    CONTENDER,
)
RUN_WITH_SPARK = ("spark.md", "spark-nlp.md", "coming-from.md")
"""Run in tests/runtime/spark."""

FRAMEWORKS = ("clients.md", "frameworks.md", "other-tools.md", "vector-stores.md")
"""Run in tests/integrations."""

RUN_ON_LOOPBACK = ("hub.md",)
"""Run in tests/runtime/artifact, on a Hub of the tests."""

LINK = re.compile(r"\]\(([^)]+)\)")
TITLE = re.compile(r"^#+ (.+)$", re.MULTILINE)

OTHERS = {"pip", "spark-submit", "aws", "make", "zcat", "echo", "curl", "BIOBERT_ONNX_ARTIFACT=biobert-v1.1-int8"}
"""What a command that is not run may begin with: other programs, and the server, which does not end."""

SERVE = ["biobert-onnx", "serve"]
"""The one command of this project that does not end."""


@pytest.fixture
def reader(artifact: Path, tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A working directory where the pages' names stand for small things."""
    for name in ("biobert-v1.1-int8", "my-artifact"):
        (tmp_path / name).symlink_to(artifact)
    (tmp_path / "my-checkpoint").symlink_to(tiny_checkpoint)
    shortest = sorted(TextSets.read(None).held_out["general"], key=len)[:40]
    (tmp_path / "texts.txt").write_text("\n".join(shortest), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIOBERT_ONNX_ARTIFACT", "")  # serverless.md sets it
    serverless.forget_encoder()
    yield
    serverless.forget_encoder()


def run(block: Block, names: dict[str, Any]) -> None:
    """Run `block` with the `names` that the blocks before it left."""
    if block.language == "python":
        exec(compile(block.code, block.place, "exec"), names)
        return
    for program, *arguments in block.commands:
        if program == "biobert-onnx":
            assert main(arguments) == 0, block.place
        else:
            sys.stdout.write(call_program([program, *arguments]))


def names_after(page: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The names that the blocks of docs/`page` leave; each prints what the page shows under it."""
    names: dict[str, Any] = {"__name__": page}
    for block in runnable_blocks(DOCS / page):
        if block.reason is None:
            run(block, names)
            printed = capsys.readouterr()
            assert block.output in (None, printed.out, printed.err), block.place
    return names


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("page", [page for page in RUN_HERE if page != CONTENDER])
def test_every_block_of_a_page_runs_and_prints_what_the_page_shows(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names_after(page, capsys)


@pytest.mark.usefixtures("reader")
def test_the_contender_of_the_page_is_prepared_loaded_and_right(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in (CONTENDERS, LOOKS):
        monkeypatch.setitem(table, "onnxruntime float32", table[REFERENCE])  # and taken out again afterwards
    names_after(CONTENDER, capsys)
    subject = Subject.prepare("tiny", tiny_checkpoint, tmp_path / "work")
    subject.write_reference_graph()
    vectors = {}
    for name in ("onnxruntime float32", REFERENCE):
        contender, folder = CONTENDERS[name], tmp_path / name
        folder.mkdir()
        contender.prepare(subject, folder)
        vectors[name] = contender.load(subject, folder, 2, 1)(TEXTS, 4)
    record: dict[str, Any] = {"precision": CONTENDERS["onnxruntime float32"].precision}
    judge(record, vectors["onnxruntime float32"], vectors["onnxruntime float32"], vectors[REFERENCE])
    assert "refusal" not in record


@pytest.mark.parametrize("page", [*RUN_HERE, *RUN_WITH_SPARK])
def test_only_commands_of_other_programs_are_left_out(page: str) -> None:
    unrun = [block for block in runnable_blocks(DOCS / page) if block.reason is not None]
    assert {block.language for block in unrun} <= {"console"}
    commands = [words for block in unrun for words in block.commands if words[:2] != SERVE]
    assert {words[0] for words in commands} <= OTHERS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_title_in_it(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """What GitHub calls the titles of `page` in links."""
    titles = TITLE.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_of_docs_with_code_is_run_somewhere() -> None:
    run_elsewhere = {"README.md", *FRAMEWORKS, *RUN_ON_LOOPBACK}
    with_code = {page.name for page in DOCS.glob("*.md") if runnable_blocks(page)}
    assert with_code - {*RUN_HERE, *RUN_WITH_SPARK, *run_elsewhere} == set()


def test_the_answer_below_curl_has_the_form_of_a_servers(artifact: Path) -> None:
    (block,) = (block for block in blocks(DOCS / "serving.md") if block.code.startswith("curl"))
    (words,) = block.commands
    request = json.loads(words[words.index("-d") + 1])
    with running(artifact) as server:
        status, _, content = server.respond("POST", EMBEDDINGS, request)
    assert (status, block.output is not None, words[2].endswith(f":8000{EMBEDDINGS}")) == (200, True, True)
    assert form(json.loads(content)) == form(json.loads(block.output or ""))


def form(value: object) -> object:
    """The keys and the kinds of what an answer holds."""
    if isinstance(value, dict):
        return {key: form(each) for key, each in value.items()}
    return [form(each) for each in value] if isinstance(value, list) else type(value)
