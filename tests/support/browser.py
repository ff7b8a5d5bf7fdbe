"""Headless Chromium, driven by chromedriver, which speaks W3C WebDriver: JSON over HTTP on loopback.

The calls that the tests need are few, so no client library is installed for them.
"""

import base64
import http.client
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
CHROMEDRIVER = shutil.which("chromedriver")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
    "--disable-component-update",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""The last one: no name is resolved, whatever a page asks for."""

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element in WebDriver's JSON (W3C WebDriver, section 12, Elements)."""

ENTER = "\ue007"
CONTROL = "\ue009"

PATIENCE_S = 30.0


class Browser:
    """One window of one session. Elements are named by CSS selectors; there must be one for each that is used."""

    def __init__(self, port: int, profile: Path) -> None:
        self._port = port
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"

    def open(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def script(self, code: str, *arguments: object) -> Any:
        """What `code`, the body of a function, returns."""
        return self._ask("POST", "/execute/sync", {"script": code, "args": list(arguments)})

    def text(self, selector: str) -> str:
        """The text that is shown of an element, "" if it is hidden."""
        return str(self._ask("GET", f"/element/{self._element(selector)}/text"))

    def texts(self, selector: str) -> list[str]:
        """The text of each element, hidden or not."""
        return list(
            self.script("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)
        )

    def click(self, selector: str) -> None:
        self._ask("POST", f"/element/{self._element(selector)}/click", {})

    def fill(self, selector: str, text: str) -> None:
        """Put `text` in the place of what a field holds, as if it was pasted."""
        self.script("const e = document.querySelector(arguments[0]); e.value = arguments[1]", selector, text)

    def type(self, selector: str, keys: str) -> None:
        self._ask("POST", f"/element/{self._element(selector)}/value", {"text": keys})

    def insert(self, text: str) -> None:
        """Write `text` where the focus is, in a shadow tree too."""
        self._devtools("Input.insertText", {"text": text})

    def wait_for(self, selector: str, is_right: Callable[[str], object]) -> str:
        """The text of an element once it is right; raises AssertionError, with the text, if it does not become so."""
        end = time.monotonic() + PATIENCE_S
        while not is_right(text := self.text(selector)):
            assert time.monotonic() < end, text
            time.sleep(0.05)
        return text

    def log(self) -> list[str]:
        """What the browser complained of since the last call: scripts that failed, and what the policy forbade."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def look(self, *, width: int, height: int = 900, scheme: str = "light") -> None:
        """Make the window as wide as a screen of `width`, of someone who prefers the colour `scheme`."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"features": features})

    def allow_clipboard(self) -> None:
        """Let scripts read and write the clipboard, as a person would."""
        self._devtools("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})

    def screenshot(self, path: Path) -> None:
        """Write the whole page into the PNG file `path`."""
        shot = self._devtools("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        self._ask("DELETE", "")

    def _element(self, selector: str) -> str:
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def _devtools(self, command: str, parameters: object) -> Any:
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return self._call(method, self._session + path, body)

    def _call(self, method: str, path: str, body: object) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            value = json.loads(response.read())["value"]
        finally:
            connection.close()
        assert response.status == 200, value
        return value


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """A browser with a new profile in `folder`."""
    assert CHROMEDRIVER is not None
    driver = subprocess.Popen(
        [CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder
    )
    assert driver.stdout is not None
    try:
        started = (re.search(r"started successfully on port (\d+)", line) for line in driver.stdout)
        port = next(int(found[1]) for found in started if found)
        browser = Browser(port, folder / "profile")
        try:
            yield browser
        finally:
            browser.close()
    finally:
        driver.terminate()
        driver.wait()
        driver.stdout.close()
