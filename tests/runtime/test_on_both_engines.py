"""Both engines: chosen and named as asked, and what holds for encoders holds on each of them."""

import asyncio
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx.encoding.engines import ENGINES, Engine
from biobert_onnx.kernels import library
from biobert_onnx.kernels.engine import SWITCH
from biobert_onnx.kernels.library import compiled_kernels, runs_here
from tests.support.engines import RUNNING, each_engine, needs_kernels
from tests.support.systems import needs_fork
from tests.support.texts import TEXTS

KEPT = Path(__file__).parents[1] / "data" / "format-2"
"""Artifacts that an older version wrote."""


@pytest.fixture(scope="module")
def expected(artifact: Path) -> dict[str, np.ndarray]:
    """The vectors of TEXTS by each engine that runs here, each text alone."""
    return {
        engine: np.concatenate([SentenceEncoder(artifact, engine=engine, threads=1).encode([text]) for text in TEXTS])
        for engine in RUNNING
    }


@each_engine
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_text_has_the_same_bits_in_any_company(
    artifact: Path, expected: dict[str, np.ndarray], engine: str, threads: int
) -> None:
    encoder = SentenceEncoder(artifact, engine=engine, threads=threads)
    assert encoder.engine == engine
    assert (encoder.encode(TEXTS) == expected[engine]).all()
    assert (encoder.encode(TEXTS[::-1]) == expected[engine][::-1]).all()
    assert all((encoder.encode([text]) == row).all() for text, row in zip(TEXTS, expected[engine], strict=True))
    assert (np.concatenate(list(encoder.encode_stream(TEXTS, chunk_size=3))) == expected[engine]).all()
    assert (asyncio.run(encoder.aencode(TEXTS)) == expected[engine]).all()


@each_engine
def test_many_threads_call_one_encoder(artifact: Path, expected: dict[str, np.ndarray], engine: str) -> None:
    encoder = SentenceEncoder(artifact, engine=engine, threads=3)
    equal: list[bool] = []

    def work() -> None:
        for row, text in enumerate(TEXTS):
            equal.append(bool((encoder.encode([text]) == expected[engine][row]).all()))
        equal.append(bool((encoder.encode(TEXTS) == expected[engine]).all()))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert equal == [True] * 6 * (len(TEXTS) + 1)


@needs_fork
@each_engine
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_gives_the_same_bits(artifact: Path, engine: str) -> None:
    program = (
        "import os, sys; from biobert_onnx import SentenceEncoder\n"
        f"encoder = SentenceEncoder({str(artifact)!r}, engine={engine!r}, threads=3)\n"
        f"texts = {list(TEXTS)!r}\n"
        "expected = encoder.encode(texts)\n"
        "if (child := os.fork()) == 0:\n"
        "    equal = [(encoder.encode(texts[:some]) == expected[:some]).all() for some in (len(texts), 1)]\n"
        "    os._exit(0 if all(equal) else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@each_engine
def test_a_pickled_encoder_keeps_its_engine(artifact: Path, expected: dict[str, np.ndarray], engine: str) -> None:
    other = pickle.loads(pickle.dumps(SentenceEncoder(artifact, engine=engine)))
    assert other.engine == engine
    assert (other.encode(TEXTS) == expected[engine]).all()


@each_engine
def test_a_closed_encoder_refuses(artifact: Path, engine: str) -> None:
    with SentenceEncoder(artifact, engine=engine) as encoder:
        encoder.encode(["a"])
    with pytest.raises(ValueError, match="the encoder is closed"):
        encoder.encode(["a"])


@needs_kernels
def test_the_engines_differ_by_rounding_alone(expected: dict[str, np.ndarray]) -> None:
    kernels, onnxruntime = expected["kernels"], expected["onnxruntime"]
    lengths = np.linalg.norm(kernels, axis=1) * np.linalg.norm(onnxruntime, axis=1)
    assert ((kernels * onnxruntime).sum(axis=1) / lengths).min() > 0.995


@needs_kernels
def test_the_kernels_do_without_onnxruntime(artifact: Path) -> None:
    program = (
        "import sys; from biobert_onnx import SentenceEncoder\n"
        f"SentenceEncoder({str(artifact)!r}).encode(['a', 'b'])\n"
        "sys.exit('onnxruntime' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=120).returncode == 0


@needs_kernels
@pytest.mark.parametrize("name", [kernel.name for kernel in compiled_kernels() if runs_here(kernel)])
def test_every_kernel_gives_the_same_bits(
    artifact: Path, expected: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(SWITCH, name)
    encoder = SentenceEncoder(artifact, engine="kernels", threads=2)
    assert encoder.kernel == name
    assert (encoder.encode(TEXTS) == expected["kernels"]).all()


@needs_kernels
def test_a_kernel_that_this_cpu_has_not_is_refused_by_name(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "mmx")
    assert Engine.choose(artifact, Manifest.read(artifact), None).reason.endswith("these kernels: mmx")
    with pytest.raises(ValueError, match=r"engine is 'kernels', but they cannot run .* does not run any of .*: mmx: "):
        SentenceEncoder(artifact, engine="kernels")


def test_without_a_compiled_library_onnxruntime_takes_over_and_says_why(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(library, "load_library", lambda: _load(tmp_path / "absent.so"))
    engine = Engine.choose(artifact, Manifest.read(artifact), None)
    assert (engine.name, engine.kernel) == ("onnxruntime", None)
    with pytest.raises(ValueError, match="because their C was not compiled when biobert-onnx was installed"):
        SentenceEncoder(artifact, engine="kernels")


def test_on_windows_onnxruntime_takes_over_and_no_compiler_is_called_the_remedy(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "load_library", lambda: _load(library.PATH))
    monkeypatch.setattr(sys, "platform", "win32")
    assert str(Engine.choose(artifact, Manifest.read(artifact), None)).startswith("onnxruntime, ")
    with pytest.raises(ValueError, match="here, because they are for Linux and macOS: leave engine= out to get onnxr"):
        SentenceEncoder(artifact, engine="kernels")


_load = library.load_library.__wrapped__


@pytest.mark.parametrize("content", [b"", b"\x7fELF no library at all"])
def test_a_damaged_library_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "_kernels.so"
    path.write_bytes(content)
    with pytest.raises(
        library.KernelsUnavailableError, match=r"_kernels\.so' cannot be loaded .* install biobert-onnx"
    ):
        _load(path)


@pytest.mark.parametrize(
    ("name", "reason"), [("fp32", "has precision fp32"), ("int8", "was exported before there were kernels")]
)
def test_an_artifact_that_the_kernels_cannot_run_says_why(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SentenceEncoder(KEPT / name, engine="kernels")
    assert SentenceEncoder(KEPT / name).engine == "onnxruntime"


def test_another_engine_is_refused_by_name(artifact: Path) -> None:
    with pytest.raises(ValueError, match=f"engine is 'openvino', expected one of {', '.join(ENGINES)}"):
        SentenceEncoder(artifact, engine="openvino")
