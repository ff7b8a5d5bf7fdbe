"""`serve`: one artifact or several behind HTTP."""

import argparse
import logging
import math
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biobert_onnx._extras import requires_extra
from biobert_onnx.cli.arguments import add_artifact, add_engine, folder
from biobert_onnx.cli.exit_codes import JobError
from biobert_onnx.cli.signals import SignalError
from biobert_onnx.encoding.long_texts import LONG_TEXTS
from biobert_onnx.serving.settings import READERS, Settings

if TYPE_CHECKING:
    from biobert_onnx.serving.http.served import Served

EXAMPLES = """\
examples:
  biobert-onnx serve biobert-int8
  biobert-onnx serve biobert-int8 --host 0.0.0.0 --port 80 --long-texts truncate
  biobert-onnx serve biobert-int8 --artifact minilm=minilm-int8
  BIOBERT_ONNX_API_KEY=... biobert-onnx serve biobert-int8

It needs the extra http. Each option that is left out is read from its environment variable (BIOBERT_ONNX_QUEUE for
--queue), if that is set: docs/serving.md has them all. SIGTERM and Ctrl-C end it, once requests in flight are answered.
"""

APP = "biobert_onnx.serving.http:app"
LOG_LEVELS = ("critical", "error", "warning", "info", "debug")
MAX_PORT = 65_535
MAX_WORKERS = 1024

OPTIONS = (
    "engine",
    "graceful_s",
    "literal_special_tokens",
    "long_texts",
    "max_length",
    "normalize",
    "queue",
    "threads",
    "timeout_s",
)
"""The options that are settings of the same name."""

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    add_artifact(parser)
    parser.add_argument(
        "--artifact",
        dest="more",
        action="append",
        default=[],
        type=_named_folder,
        metavar="NAME=PATH",
        help="serve this one, too, for requests whose model is NAME; again for more",
    )
    network = parser.add_argument_group("network")
    network.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    network.add_argument(
        "--port", type=_number(0, MAX_PORT), default=8000, metavar="N", help="0 takes a free one (default: 8000)"
    )
    network.add_argument(
        "--workers",
        type=_number(1, MAX_WORKERS),
        default=1,
        metavar="N",
        help="processes; one uses every CPU, more are for availability. The queue is each one's own (default: 1)",
    )
    network.add_argument(
        "--api-key",
        type=_read("api_key"),
        metavar="KEY",
        help="what clients must send; other users see it in the list of processes: BIOBERT_ONNX_API_KEY or "
        "--api-key-file is safer",
    )
    network.add_argument("--api-key-file", type=Path, metavar="FILE", help="a file that holds the key")
    encoding = parser.add_argument_group("encoding")
    encoding.add_argument(
        "--long-texts", choices=LONG_TEXTS, help="what to do with texts of too many tokens, if a request does not say "
        "(default: error)"
    )  # fmt: skip
    encoding.add_argument(
        "--no-normalize",
        dest="normalize",
        action="store_const",
        const=False,
        help="leave vectors on /v1/embeddings as the encoder gives them (default: unit length, as OpenAI's)",
    )
    encoding.add_argument("-j", "--threads", type=_read("threads"), metavar="N", help="(default: every usable CPU)")
    encoding.add_argument(
        "--max-length", type=_read("max_length"), metavar="N", help="tokens of a text (default: the artifact's)"
    )
    encoding.add_argument(
        "--literal-special-tokens",
        action="store_const",
        const=True,
        help="read [SEP] and the like in a text as plain text, not as the token: for texts of strangers",
    )
    add_engine(encoding)
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--queue", type=_read("queue"), metavar="N", help="requests in flight; one more gets 429 (default: 256)"
    )
    limits.add_argument(
        "--timeout-s", type=_read("timeout_s"), metavar="S", help="seconds that a request may take (default: 300)"
    )
    limits.add_argument(
        "--graceful-s",
        type=_read("graceful_s"),
        metavar="S",
        help="seconds that requests in flight have when the server ends (default: 30)",
    )
    parser.add_argument("--log-level", choices=LOG_LEVELS, default="info", help="(default: info)")


def run(options: argparse.Namespace) -> None:
    """Serve until a signal comes; say the settings, the models and the address first."""
    with requires_extra("http", by="the command serve"):
        import uvicorn
        from uvicorn.supervisors import Multiprocess

        from biobert_onnx.serving.http.app import make_app
        from biobert_onnx.serving.http.metrics import SHARED_FOLDER_VARIABLE
        from biobert_onnx.serving.http.served import Served

    settings = _settings(options)
    logging.basicConfig(level=options.log_level.upper(), format=LOG_FORMAT)
    logs: dict[str, Any] = {"log_level": options.log_level, "log_config": None, "access_log": False}
    graceful_s = math.ceil(settings.graceful_s)
    with _listening(options.host, options.port) as listener, _ended_by_signals():
        served = Served.open(settings)
        _say_start(served, listener, workers=options.workers)
        if options.workers == 1:
            config = uvicorn.Config(make_app(lambda: served), timeout_graceful_shutdown=graceful_s, **logs)
            uvicorn.Server(config).run([listener])
            return
        served.models.close()  # each worker opens its own
        config = uvicorn.Config(APP, workers=options.workers, timeout_graceful_shutdown=graceful_s, **logs)
        with tempfile.TemporaryDirectory(prefix="biobert-onnx-metrics-") as counts:
            os.environ.update(settings.environment() | {SHARED_FOLDER_VARIABLE: counts})
            Multiprocess(config, sockets=[listener]).run()


def _settings(options: argparse.Namespace) -> Settings:
    """The settings of the environment, with the options in place of its variables."""
    artifacts = {"": options.artifact} if not options.more else {options.artifact.resolve().name: options.artifact}
    for name, path in options.more:
        if name in artifacts:
            raise ValueError(f"--artifact names {name!r} twice: choose another name for '{path}'")
        artifacts[name] = path
    key = options.api_key
    if options.api_key_file is not None:
        if key is not None:
            raise ValueError("--api-key and --api-key-file both give a key: leave one out")
        key = _key_in(options.api_key_file)
    chosen = {name: getattr(options, name) for name in OPTIONS}
    return Settings.from_environment(
        options.artifact, defaults={"normalize": True}, artifacts=artifacts, api_key=key, **chosen
    )


def _key_in(path: Path) -> str:
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ValueError(f"--api-key-file '{path}' cannot be read ({reason}): name a file that holds the key") from None
    try:
        return str(READERS["api_key"](key))
    except ValueError as error:
        raise ValueError(f"--api-key-file '{path}' holds no key, expected {error}") from None


def _say_start(served: "Served", listener: socket.socket, *, workers: int) -> None:
    """Print every setting but the key, the models and the address, before the first request can come."""
    for line in served.settings.lines():
        print(line)
    for name, model in served.models.by_name.items():
        encoder = model.encoder
        kernel = f" ({encoder.kernel})" if encoder.kernel else ""
        print(f"model {name}: {encoder.manifest.precision}, {encoder.dim} dimensions, engine {encoder.engine}{kernel}")
    host, port = listener.getsockname()[:2]
    processes = "" if workers == 1 else f", {workers} workers"
    print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}{processes}", flush=True)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that is bound to `host` and `port`; raises JobError, in one sentence, if it cannot be."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise JobError(
            f"cannot listen on {host}:{port} ({_reason(error)}): choose another --host or --port; --port 0 takes a "
            "free one"
        ) from error
    with listener:
        listener.set_inheritable(True)
        yield listener


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Take the signals that end a server for its good end; uvicorn raises them again when it has ended."""
    try:
        yield
    except (KeyboardInterrupt, SignalError):
        print("ended", flush=True)


def _named_folder(value: str) -> tuple[str, Path]:
    name, equals, path = value.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"'{value}' has no name: give NAME=PATH")
    return name, folder(path)


def _read(name: str) -> Callable[[str], object]:
    """The reader of a setting, for argparse."""

    def read(value: str) -> object:
        try:
            return READERS[name](value)
        except ValueError as error:
            shown = "the key is not usable" if name == "api_key" else f"it is {value!r}"
            message = str(error).removesuffix(": or unset it")
            raise argparse.ArgumentTypeError(f"{shown}, expected {message}") from None

    return read


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else -1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"it is {value!r}, expected a whole number from {least} to {most:,}")
        return number

    return read
