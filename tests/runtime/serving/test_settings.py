"""The settings of servers, from the environment and back; a wrong value is one sentence that says what to change."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from biobert_onnx.errors import ArtifactError
from biobert_onnx.serving.settings import READERS, SettingError, Settings, variable_of

DEFAULT = Path("artifact")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in READERS:
        monkeypatch.delenv(variable_of(name), raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(variable_of(name), value)
    return Settings.from_environment(DEFAULT)


def test_nothing_set_or_empty_gives_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Settings(artifacts={"": DEFAULT})
    assert read(monkeypatch) == expected
    assert read(monkeypatch, **dict.fromkeys(READERS, "")) == expected


def test_settings_survive_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        artifacts={"a": tmp_path / "a", "org/b": tmp_path / "b"},
        engine="onnxruntime",
        literal_special_tokens=True,
        threads=3,
        max_length=64,
        long_texts="window",
        normalize=False,
        queue=7,
        max_body_bytes=4096,
        max_texts=5,
        max_characters=600,
        held_bytes=8192,
        timeout_s=1.5,
        graceful_s=2.5,
        api_key="secret key",
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment(DEFAULT) == settings
    assert "secret" not in "".join(settings.lines()) + repr(settings)


def test_options_come_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_QUEUE", "wrong")
    monkeypatch.setenv("BIOBERT_ONNX_MAX_TEXTS", "9")
    settings = Settings.from_environment(DEFAULT, queue=3, threads=None)
    assert (settings.queue, settings.max_texts, settings.threads) == (3, 9, None)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ENGINE", "cuda", "is 'cuda', expected one of kernels, onnxruntime, or unset it"),
        ("LONG_TEXTS", "cut", "is 'cut', expected one of truncate, error, window, or unset it"),
        ("NORMALIZE", "yes", "is 'yes', expected 1 for vectors of unit length or 0 for the encoder's own, or unset it"),
        (
            "THREADS",
            "0",
            "is '0', expected a whole number from 1 to 1,024, the worker threads of an encoder: or",
        ),
        ("QUEUE", "1.5", "is '1.5', expected a whole number from 1 to 1,000,000,000, the requests in flight"),
        ("QUEUE", "²", "is '²', expected a whole number"),
        ("MAX_BODY_BYTES", "9" * 30, f"is '{'9' * 30}', expected a whole number from 1,024 to"),
        (
            "TIMEOUT_S",
            "nan",
            "is 'nan', expected seconds above 0, at most 86,400, which a request may take",
        ),
        ("GRACEFUL_S", "-1", "is '-1', expected seconds above 0"),
        ("API_KEY", "a\u00e9", "is set, expected printable ASCII without blanks around it"),
        (
            "ARTIFACT",
            "a=x:y",
            "is 'a=x:y', expected a folder, or name=folder with ':' between several: give 'y'",
        ),
        ("ARTIFACT", "a=x:a=y", "is 'a=x:a=y', expected each name once: call one of the artifacts 'a' otherwise"),
        ("HELD_BYTES", "2048", "is '2048', expected at least the bytes of one body, 4194304"),
    ],
)
def test_a_wrong_value_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"BIOBERT_ONNX_{variable}", value)
    with pytest.raises(SettingError) as wrong:
        Settings.from_environment(DEFAULT)
    assert str(wrong.value).startswith(f"BIOBERT_ONNX_{variable} {message}")


def test_a_folder_may_have_the_characters_that_separate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / f"a=b{os.pathsep}c"
    folder.mkdir()
    assert read(monkeypatch, artifacts=str(folder)).artifacts == {"": folder}


def test_errors_of_the_encoder_name_the_variable(monkeypatch: pytest.MonkeyPatch, artifact: Path) -> None:
    settings = read(monkeypatch, artifacts=str(artifact), max_length="99999")
    with pytest.raises(SettingError, match=r"^BIOBERT_ONNX_MAX_LENGTH is '99999': max_length is 99999, expected"):
        settings.open_encoder("")
    settings = read(monkeypatch, artifacts="nothing", max_length="")
    with pytest.raises(ArtifactError, match=r"^set BIOBERT_ONNX_ARTIFACT to the folder of an artifact \(it is 'noth"):
        settings.open_encoder("")


def test_errors_of_the_encoder_name_no_variable_for_what_the_caller_gave(artifact: Path, tmp_path: Path) -> None:
    given = Settings.from_environment(DEFAULT, artifacts={"": artifact}, max_length=99999)
    with pytest.raises(ValueError, match=r"^max_length is 99999, expected"):
        given.open_encoder("")
    given = Settings.from_environment(DEFAULT, artifacts={"": tmp_path})
    with pytest.raises(ArtifactError, match=rf"^'{re.escape(str(tmp_path))}' holds no manifest.json"):
        given.open_encoder("")


def test_the_handler_takes_its_defaults_from_the_environment(artifact: Path) -> None:
    code = (
        "import numpy; from biobert_onnx.serving.serverless import handler;"
        "answer = handler({'texts': ['word ' * 600]}, None);"
        "print(answer['statusCode'], round(float(numpy.linalg.norm(answer['embeddings'][0])), 3))"
    )
    variables = {"BIOBERT_ONNX_ARTIFACT": str(artifact), "BIOBERT_ONNX_NORMALIZE": "1"}
    variables |= {"BIOBERT_ONNX_LONG_TEXTS": "truncate"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | variables, capture_output=True, text=True, check=True
    )
    assert done.stdout == "200 1.0\n"
