"""A Hub on loopback: the parts of its protocol that downloads and pushes use, for huggingface_hub 0.34 to 2.4.

Repositories lie in memory. A commit's name is the hash of its files, so that equal contents have equal commits.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

TOKEN = "hf_not_a_real_token"
"""What may read private repositories, and write."""

LARGE = (".onnx", ".onnx_data")
"""Endings of files that are sent apart from the commit."""


def commit_of(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha1()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@dataclass
class Repository:
    """The files of each commit, and the commit of each branch.

    Without the token, a `private` one is not to be seen, and the files of a `gated` one are not to be had.
    """

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        name = commit_of(files)
        self.commits[name] = files
        self.branches[branch] = name
        return name

    def files(self, revision: str = "main") -> dict[str, bytes]:
        return self.commits[self.branches.get(revision, revision)]


@dataclass
class Hub:
    """The server: its address, its repositories, the requests it got, the commits it was sent, and how it fails.

    `status`: the answer to every request if it is not 0. `xet`: the hash in the store that all repositories share, of a
    file's content.
    """

    address: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    xet: dict[bytes, str] = field(default_factory=dict)
    status: int = 0

    def add(self, name: str, files: Mapping[str, bytes], *, private: bool = False, gated: bool = False) -> Repository:
        """Add a repository whose main branch holds `files`."""
        self.repositories[name] = Repository(private=private, gated=gated)
        self.repositories[name].commit("main", dict(files))
        return self.repositories[name]

    def downloaded(self) -> set[str]:
        """The files whose contents were asked for."""
        asked = [request for request in self.requests if request.startswith("GET /") and "/resolve/" in request]
        return {request.partition("/resolve/")[2].partition("/")[2] for request in asked}


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their path in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Run a Hub without repositories while the block runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        hub = Hub(f"http://127.0.0.1:{server.server_port}")
        server.hub = hub  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        server.shutdown()


def run_with_hub(
    code: str, *arguments: object, cache: Path, python: str = sys.executable, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `code` in a process of its own: the Hub's client reads its variables when it is imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    given = {"HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HOME": str(cache.parent / "home")}
    return subprocess.run(
        [python, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=kept | given | environment,
    )


class _Handler(BaseHTTPRequestHandler):
    @property
    def hub(self) -> Hub:
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        return hub

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            self._body = self._chunks()
        self.hub.requests.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        if self.hub.status:
            self._reply(self.hub.status, b"")
        elif self.command in ("POST", "PUT") and self._token() != TOKEN and parts[0] != "stored":
            self._reply(401, b"")
        elif parts[:3] == ["api", "repos", "create"]:
            self._create()
        elif parts[:2] == ["api", "validate-yaml"]:
            self._json({"errors": [], "warnings": []})
        elif parts[0] == "stored":
            self.hub.stored[parts[1]] = self._body
            self._reply(200, b"")
        elif parts[:2] == ["api", "models"]:
            self._of_repository("/".join(parts[2:4]), parts[4:])
        elif parts[2:3] == ["info"]:  # of OWNER/NAME.git
            self._batch()
        elif parts[2:3] == ["resolve"]:
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self._reply(404, b"")

    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _found(self, name: str) -> Repository | None:
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and self._token() != TOKEN):
            self._reply(404, b"", code="RepoNotFound")
            return None
        return repository

    def _create(self) -> None:
        wanted = json.loads(self._body)
        name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        status = 409 if name in self.hub.repositories else 200
        if status == 200:
            private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
            self.hub.add(name, {".gitattributes": b"*.onnx filter=lfs\n"}, private=private)
        self._json({"url": f"{self.hub.address}/{name}", "id": name}, status)

    def _of_repository(self, name: str, rest: list[str]) -> None:
        repository = self._found(name)
        if repository is None:
            return
        what = rest[0] if rest else ""
        revision = "/".join(rest[1:]) or "main"
        if what == "branch":
            known = revision in repository.branches
            repository.branches.setdefault(revision, repository.branches["main"])
            self._json({}, 409 if known else 200)
        elif revision not in (*repository.branches, *repository.commits):
            self._reply(404, b"", code="RevisionNotFound")
        elif what in ("", "revision"):
            siblings = [{"rfilename": each} for each in repository.files(revision)]
            sha = repository.branches.get(revision, revision)
            self._json({"id": name, "sha": sha, "private": repository.private, "siblings": siblings})
        elif what == "tree":
            self._json([_tree_entry(each, content) for each, content in repository.files(revision).items()])
        elif what == "preupload":
            files = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if each["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for each in json.loads(self._body)["files"]
            ]
            self._json({"files": files})
        elif what == "commit":
            self._commit(name, repository, revision)

    def _commit(self, name: str, repository: Repository, branch: str) -> None:
        files = dict(repository.files(branch))
        for line in self._body.splitlines():
            entry = json.loads(line)
            value: dict[str, Any] = entry["value"]
            if entry["key"] == "header":
                self.hub.messages.append(value["summary"])
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        commit = repository.commit(branch, files)
        url = f"{self.hub.address}/{name}/commit/{commit}"
        self._json({"success": True, "commitUrl": url, "commitOid": commit})

    def _batch(self) -> None:
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.hub.address}/stored/{each['oid']}"}}}
            for each in json.loads(self._body)["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def _file(self, name: str, revision: str, file: str) -> None:
        repository = self._found(name)
        if repository is None:
            return
        if repository.gated and self._token() != TOKEN:
            self._reply(403, b"", code="GatedRepo")
        elif revision not in (*repository.branches, *repository.commits):
            self._reply(404, b"", code="RevisionNotFound")
        elif file not in repository.files(revision):
            self._reply(404, b"", code="EntryNotFound")
        else:
            content = repository.files(revision)[file]
            headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
            headers["X-Repo-Commit"] = repository.branches.get(revision, revision)
            if content in self.hub.xet:
                headers |= {"X-Xet-Hash": self.hub.xet[content], "X-Xet-Refresh-Route": f"{self.hub.address}/none"}
            self._reply(200, content, **headers)

    def _json(self, content: object, status: int = 200) -> None:
        self._reply(status, json.dumps(content).encode(), **{"Content-Type": "application/json"})

    def _reply(self, status: int, content: bytes, *, code: str = "", **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


def _tree_entry(name: str, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(content), "oid": digest[:40]}
    if name.endswith(LARGE):
        entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
    return entry
