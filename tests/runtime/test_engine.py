"""The engine of an encoder, wherever it is asked for, and the one warning where it is not the one that was measured."""

import os
import pickle
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from biobert_onnx import EngineWarning, Manifest, SentenceEncoder
from biobert_onnx.errors import EngineError
from tests.runtime.cli.command import run
from tests.support.engines import NO_KERNELS, WITHOUT_KERNELS, each_engine, measured_on_kernels, needs_kernels
from tests.support.texts import TEXTS


@pytest.fixture
def measured(artifact: Path, tmp_path: Path) -> Path:
    """An artifact that was measured on the kernels."""
    return measured_on_kernels(artifact, tmp_path / "measured")


@pytest.fixture
def no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which no kernel runs."""
    for name, value in NO_KERNELS.items():
        monkeypatch.setenv(name, value)


def test_onnxruntime_in_place_of_the_kernels_that_were_measured_is_warned_of_once(
    measured: Path, no_kernels: None
) -> None:
    with pytest.warns(EngineWarning) as found:
        encoder = SentenceEncoder(measured)
        encoder.encode(TEXTS)
        encoder.encode(TEXTS)
    (warning,) = found
    assert warning.filename == __file__
    assert f"onnxruntime computes its vectors here, because {WITHOUT_KERNELS}" in str(warning.message)
    assert encoder.engine == "onnxruntime"


def test_onnxruntime_that_was_asked_for_is_not_warned_of(measured: Path, no_kernels: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SentenceEncoder(measured, engine="onnxruntime").engine == "onnxruntime"


def test_onnxruntime_is_not_warned_of_where_only_it_was_measured(measured: Path, no_kernels: None) -> None:
    replace(Manifest.read(measured), kernels_fidelity=None).write(measured)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SentenceEncoder(measured).engine == "onnxruntime"


@needs_kernels
def test_kernels_are_not_warned_of(measured: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SentenceEncoder(measured).engine == "kernels"


def test_the_command_warns_in_one_line_with_its_own_option(measured: Path, tmp_path: Path) -> None:
    done = run("encode", measured, "-", "-o", tmp_path / "out.npy", stdin=b"a\n", **NO_KERNELS)
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 0
    assert line.startswith("biobert-onnx: warning: ")
    assert WITHOUT_KERNELS in line and "--engine 'onnxruntime'" in line


def test_kernels_that_cannot_run_are_an_error_with_the_reason(artifact: Path, no_kernels: None) -> None:
    with pytest.raises(EngineError) as error:
        SentenceEncoder(artifact, engine="kernels")
    assert str(error.value) == (
        f"engine is 'kernels', but they cannot run '{artifact}' here, because {WITHOUT_KERNELS}: leave engine= out to "
        "get onnxruntime"
    )
    assert error.value.reason == WITHOUT_KERNELS
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


@each_engine
def test_a_pickled_encoder_keeps_its_engine(artifact: Path, engine: str) -> None:
    assert pickle.loads(pickle.dumps(SentenceEncoder(artifact, engine=engine))).engine == engine


@needs_kernels
def test_an_encoder_that_ran_on_the_kernels_is_unpickled_on_no_other_engine(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pickle.dumps(SentenceEncoder(artifact))
    for name, value in NO_KERNELS.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EngineError) as error:
        pickle.loads(data)
    assert str(error.value) == (
        f"the engine of the pickled encoder is 'kernels', but they cannot run '{artifact}' here, because "
        f"{WITHOUT_KERNELS}: pickle one that was made with engine='onnxruntime', or install biobert-onnx with its "
        "kernels here"
    )
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


@needs_kernels
def test_an_encoder_that_ran_on_onnxruntime_is_unpickled_on_it_where_the_kernels_run(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without, warnings.catch_warnings():
        warnings.simplefilter("ignore", EngineWarning)
        for name, value in NO_KERNELS.items():
            without.setenv(name, value)
        data = pickle.dumps(SentenceEncoder(artifact))
    assert SentenceEncoder(artifact).engine == "kernels"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(data).engine == "onnxruntime"


@needs_kernels
def test_another_process_insists_on_the_engine_of_a_pickled_encoder(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "encoder").write_bytes(pickle.dumps(SentenceEncoder(artifact)))
    code = "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))"
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "encoder")]
    assert subprocess.run(command, capture_output=True).returncode == 0
    done = subprocess.run(command, env={**os.environ, **NO_KERNELS}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "EngineError: the engine of the pickled encoder is 'kernels', but they cannot run" in done.stderr
