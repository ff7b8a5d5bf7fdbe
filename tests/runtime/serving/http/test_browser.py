"""The pages in headless Chromium: what people see of sentences, of mistakes, and of the routes."""

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from tests.support.browser import CHROMEDRIVER, CHROMIUM, CONTROL, ENTER, Browser, browsing
from tests.support.prompts import DEFAULT, PROMPTS
from tests.support.servers import EMBEDDINGS, Server, request_head, running

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None, reason="needs Debian's packages chromium and chromium-driver"
)

SENTENCES = ["Sepsis in mice.", "A gene of mice & men", "Sepsis in <b>men</b>!", "The kidney fails."]
DONE = "to the server and back."

NO_BODY = {"application/json": {"examples": {"": {"value": None}}}}
"""The content of a request that has no body: one line, without data."""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as window:
        yield window


@pytest.fixture
def browser(window: Browser) -> Iterator[Browser]:
    """A wide window, whose scripts must not fail."""
    window.look(width=1200)
    window.log()
    yield window
    assert [line for line in window.log() if "Failed to load resource" not in line] == []


@pytest.fixture
def page(browser: Browser, server: Server, artifact: Path) -> Browser:
    """The page, when it knows what is served."""
    return opened(browser, server)


def opened(browser: Browser, server: Server) -> Browser:
    browser.open(f"http://127.0.0.1:{server.port}/")
    browser.wait_for("#served", lambda text: "numbers a vector" in text)
    return browser


def compare(page: Browser, texts: list[str]) -> str:
    """Paste `texts`, and wait for what the page says."""
    page.fill("#sentences", "\n".join(texts))
    page.click("#compare-form button")
    return page.wait_for("#compare-status", lambda text: text and not text.startswith("Asking"))


def tokens(server: Server, texts: list[str], **options: object) -> list[list[str]]:
    status, answer = server.ask({"inputs": texts, **options}, path="/tokenize")
    assert status == 200
    return [[token["text"] for token in each] for each in answer]


def chips(page: Browser, kind: str = "") -> list[list[str]]:
    """The tokens that the page shows of each sentence."""
    found = page.script(
        "return [...document.querySelectorAll('#tokens li')]"
        ".map(item => [...item.querySelectorAll('.tokens span' + arguments[0])].map(chip => chip.textContent))",
        kind,
    )
    return [list(each) for each in found]


def test_the_matrix_has_the_cosines_and_the_list_the_tokens(
    page: Browser, server: Server, encoder: SentenceEncoder
) -> None:
    said = compare(page, [SENTENCES[0], "", *SENTENCES[1:]])
    vectors = encoder.encode(SENTENCES)
    cosines = encoder.similarity(vectors, vectors)
    shown = [float(text) for text in page.texts("#matrix tbody td")]
    np.testing.assert_allclose(np.reshape(shown, (4, 4)), cosines, atol=0.00501)
    assert page.texts("#matrix tbody th") == [f"{number} {text}" for number, text in enumerate(SENTENCES, 1)]
    assert chips(page) == tokens(server, SENTENCES)
    count = sum(map(len, chips(page)))
    assert said.startswith(f"4 sentences, {count} tokens: ") and said.endswith(DONE)


def test_the_nearest_of_each_row_is_marked_by_more_than_a_colour(page: Browser, encoder: SentenceEncoder) -> None:
    compare(page, SENTENCES)
    vectors = encoder.encode(SENTENCES)
    cosines = encoder.similarity(vectors, vectors) - 2 * np.eye(4)
    marked = page.script(
        "return [...document.querySelectorAll('#matrix tbody tr')]"
        ".map(row => [...row.querySelectorAll('td')].findIndex(cell => cell.className === 'nearest'))"
    )
    assert marked == cosines.argmax(axis=1).tolist()
    style = "return getComputedStyle(document.querySelector('#matrix td.nearest')).textDecorationLine"
    assert page.script(style) == "underline"


def test_markup_in_texts_stays_text(page: Browser) -> None:
    compare(page, ["<img src=x onerror=alert(1)>", "<script>alert(2)</script>"])
    assert page.texts("#matrix tbody th")[0] == "1 <img src=x onerror=alert(1)>"
    assert page.script("return document.querySelectorAll('main img, main script').length") == 0


def test_what_was_cut_is_shown(page: Browser, server: Server, encoder: SentenceEncoder) -> None:
    long = " ".join(f"word{number}" for number in range(encoder.max_length))
    compare(page, ["short", long])
    [_, whole] = tokens(server, ["short", long])
    cut = len(whole) - encoder.max_length
    assert f"{len(whole)} tokens, {cut:,} cut" in page.text("#tokens li:last-child > div")
    first = whole[1:-1][encoder.max_length - 2 :]
    assert chips(page, ".cut")[1] == first[:30]
    assert chips(page, ".cut")[0] == []
    for value, said in (("window", "read in windows"), ("error", "has too many tokens")):
        page.script("document.querySelector('#long-texts').value = arguments[0]", value)
        told = compare(page, ["short", long])
        assert said in (told if value == "error" else page.text("#tokens li:last-child > div"))


def test_a_search_lists_the_nearest_texts_first(page: Browser, encoder: SentenceEncoder) -> None:
    page.fill("#query", "Does a kidney fail?")
    page.fill("#list", "\n".join(SENTENCES))
    page.fill("#top", "3")
    page.click("#search-form button")
    page.wait_for("#search-status", lambda text: text.endswith(DONE))
    [cosines] = encoder.similarity(encoder.encode(["Does a kidney fail?"]), encoder.encode(SENTENCES))
    order = np.argsort(-cosines)[:3]
    assert page.texts("#nearest .text") == [SENTENCES[index] for index in order]
    shown = [float(text) for text in page.texts("#nearest .cosine")]
    np.testing.assert_allclose(shown, cosines[order], atol=0.00501)
    assert page.texts("#nearest .number") == [f"line {index + 1}" for index in order]


def test_the_keyboard_is_enough(page: Browser) -> None:
    page.fill("#sentences", "\n".join(SENTENCES))
    page.type("#sentences", CONTROL + ENTER)
    page.wait_for("#compare-status", lambda text: text.endswith(DONE))
    page.type("#query", ENTER)
    page.wait_for("#search-status", lambda text: text.endswith(DONE))
    unlabelled = page.script(
        "return [...document.querySelectorAll('main input, main textarea, main select')]"
        ".filter(field => field.labels.length === 0).map(field => field.id)"
    )
    assert unlabelled == []


def test_too_few_and_too_many_sentences_are_said(page: Browser) -> None:
    assert compare(page, ["one"]) == "Write two sentences or more, one a line."
    assert compare(page, ["one"] * 41).startswith("The matrix has room for 40 sentences, and these are 41")


def test_the_default_prompt_is_among_the_tokens(
    browser: Browser, prompting_server: Server, prompted_artifact: Path
) -> None:
    page = opened(browser, prompting_server)
    said = compare(page, SENTENCES[:2])
    assert chips(page) == tokens(prompting_server, SENTENCES[:2], prompt_name=DEFAULT)
    assert chips(page)[0][1] == PROMPTS[DEFAULT][: len(chips(page)[0][1])]
    assert f", {sum(map(len, chips(page)))} tokens: " in said


def test_a_key_is_asked_for_where_the_server_does(browser: Browser, artifact: Path) -> None:
    with running(artifact, BIOBERT_ONNX_API_KEY="secret") as server:
        browser.open(f"http://127.0.0.1:{server.port}/")
        browser.wait_for("#served", lambda text: text.startswith("The key is missing or wrong. Enter it"))
        browser.type("#key", "wrong" + ENTER)
        browser.wait_for("#key-status", lambda text: text.startswith("The key is missing or wrong."))
        browser.fill("#key", "")
        browser.type("#key", "secret" + ENTER)
        browser.wait_for("#served", lambda text: "numbers a vector" in text)
        browser.wait_for("#access", lambda text: text == "")
        assert compare(browser, SENTENCES).endswith(DONE)
        assert browser.script("return localStorage.length + sessionStorage.length + document.cookie.length") == 0


def test_a_model_is_chosen_where_there_are_several(browser: Browser, artifact: Path, prompted_artifact: Path) -> None:
    with running(f"plain={artifact}{os.pathsep}prompted={prompted_artifact}") as server:
        page = opened(browser, server)
        assert page.texts("#model option") == ["plain", "prompted"]
        compare(page, SENTENCES[:2])
        assert chips(page) == tokens(server, SENTENCES[:2], model="plain")
        page.type("#model", "prompted")
        page.wait_for("#served", lambda text: text.startswith("prompted: "))
        compare(page, SENTENCES[:2])
        assert chips(page) == tokens(server, SENTENCES[:2], model="prompted", prompt_name=DEFAULT)


def test_a_busy_server_is_said(browser: Browser, artifact: Path) -> None:
    held = b" " * 1000
    with running(artifact, BIOBERT_ONNX_MAX_BODY_BYTES="1024", BIOBERT_ONNX_HELD_BYTES="1024") as server:
        page = opened(browser, server)
        with server.connect() as client:
            client.sendall(request_head(len(held) + 1, path=EMBEDDINGS) + held)
            said = compare(page, SENTENCES)
        assert said == "The server has too much to do now. Try again in 1 second."
        assert compare(page, SENTENCES).endswith(DONE)
        assert compare(page, ["word " * 300] * 2).startswith("The server says: the body has ")


def test_a_server_that_is_gone_is_said(browser: Browser, artifact: Path) -> None:
    with running(artifact) as server:
        page = opened(browser, server)
    assert compare(page, SENTENCES) == "The server does not answer. Is it still running? Start it, and try again."


@pytest.mark.parametrize("path", ["", "docs"])
def test_a_page_fits_a_narrow_screen_and_the_dark(browser: Browser, server: Server, path: str) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        browser.look(width=400, scheme=scheme)
        browser.open(f"http://127.0.0.1:{server.port}/{path}")
        browser.wait_for("header p", lambda text: "numbers a vector" in text or "text-embeddings-inference" in text)
        if not path:
            compare(browser, SENTENCES * 4)
        assert browser.script("return document.documentElement.scrollWidth") == 400
        style = "const style = getComputedStyle(document.body); return style.color + style.backgroundColor"
        colours.add(browser.script(style))
    assert len(colours) == 2


def test_docs_shows_every_route_with_lines_that_a_shell_reads(browser: Browser, server: Server) -> None:
    document = server.get("/openapi.json")[1]
    browser.open(f"http://127.0.0.1:{server.port}/docs")
    browser.wait_for("#about", lambda text: text.startswith("biobert-onnx "))
    operations = [(path, method, each) for path, item in document["paths"].items() for method, each in item.items()]
    assert browser.texts(".route > h2") == [f"{method.upper()}{path}" for path, method, _ in operations]
    lines = [shlex.split(line) for line in browser.texts(".example pre")]
    contents = [operation.get("requestBody", {}).get("content", NO_BODY) for _, _, operation in operations]
    examples = [each["value"] for content in contents for each in content["application/json"]["examples"].values()]
    assert [json.loads(line[line.index("-d") + 1]) if "-d" in line else None for line in lines] == examples
    fields = document["paths"]["/embed"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    table = "[id='post-/embed'] [aria-label=Fields] tbody td"
    assert browser.texts(f"{table}:first-child")[: len(fields["required"])] == fields["required"]
    assert set(browser.texts(f"{table}:first-child")) < set(fields["properties"])  # without those that are ignored
    assert browser.texts(table)[:4] == [
        "inputs",
        "string or array of string",
        "yes",
        "at most 4,194,304 characters; at most 2,048 of them",
    ]
    urls = {line[1].removeprefix(f"http://127.0.0.1:{server.port}") for line in lines}
    assert urls == set(document["paths"])


def test_docs_copies_a_line(browser: Browser, server: Server) -> None:
    browser.open(f"http://127.0.0.1:{server.port}/docs")
    browser.wait_for("#about", lambda text: text.startswith("biobert-onnx "))
    browser.allow_clipboard()
    browser.click(".example button")
    browser.wait_for(".example [role=status]", lambda text: text == "Copied.")
    assert browser.script("return navigator.clipboard.readText()") == browser.texts(".example pre")[0]
