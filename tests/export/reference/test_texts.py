"""Text sets: calibration and held-out texts are never the same, and a file of no use is refused."""

import errno
import os
import re
from pathlib import Path

import pytest

from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference import texts as texts_module
from biobert_onnx_export.reference.texts import SHORT_TEXTS, TextSets, even_share

LINES = tuple(f"Sample {index} of {index * index} cells, kept at {index} °C." for index in range(41))


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    """A calibration file with a blank line after each text."""
    path = tmp_path / "own.txt"
    path.write_text("\n\n".join(LINES) + "\n", encoding="utf-8")
    return path


def test_no_bundled_text_is_both_calibrated_on_and_held_out() -> None:
    texts = TextSets.read(None)
    assert texts.source == "bundled"
    assert texts.calibration[: len(SHORT_TEXTS)] == SHORT_TEXTS
    assert {name: len(held_out) for name, held_out in texts.held_out.items()} == {"gated": 205, "general": 60}
    assert not set(texts.calibration) & {text for held_out in texts.held_out.values() for text in held_out}


def test_odd_lines_of_a_file_calibrate_and_even_lines_are_gated(own_file: Path) -> None:
    texts = TextSets.read(own_file)
    assert texts.source == "own.txt"
    assert texts.calibration == SHORT_TEXTS + LINES[0::2]
    assert texts.held_out["gated"] == LINES[1::2]
    assert texts.held_out["bundled"] == TextSets.read(None).held_out["gated"]


def test_a_long_file_calibrates_with_all_short_texts_and_an_even_share_of_its_own(
    source: Checkpoint, own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, tokenizer = TextSets.read(own_file), source.vocabulary.tokenizer()
    everything = texts.tokenize(tokenizer, max_length=64).calibration
    short, lines = everything[: len(SHORT_TEXTS)], everything[len(SHORT_TEXTS) :]
    monkeypatch.setattr(texts_module, "MOST_TOKENS", sum(map(len, lines)) // 2)
    assert texts.tokenize(tokenizer, max_length=64).calibration == [*short, *lines[::3]]


def test_a_text_that_is_too_long_alone_still_calibrates() -> None:
    assert even_share([[7] * (texts_module.MOST_TOKENS + 1)] * 3) == [[7] * (texts_module.MOST_TOKENS + 1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"one\ntwo\n", "has 2 texts, expected at least 20"),
        (b"\xff\n" * 30, "UTF-8"),
        (None, re.escape(os.strerror(errno.ENOENT))),
    ],
)
def test_a_calibration_file_of_no_use_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "own.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        TextSets.read(tmp_path / "own.txt")


def test_token_ids_are_cut_and_samples_are_spread_evenly(source: Checkpoint) -> None:
    texts = TextSets.read(None)
    tokens = texts.tokenize(source.vocabulary.tokenizer(), max_length=7)
    assert max(len(ids) for ids in tokens.calibration) == 7
    assert len(tokens.calibration) == len(texts.calibration)
    assert list(tokens.samples) == [tokens.calibration[index] for index in range(0, 218, 13)]
    assert {name: len(ids) for name, ids in tokens.held_out.items()} == {"gated": 205, "general": 60}


def test_a_prompt_stands_before_every_text(source: Checkpoint) -> None:
    tokenizer, texts = source.vocabulary.tokenizer(), TextSets.read(None)
    tokens = texts.tokenize(tokenizer, max_length=128, prompt="title of a gene: ")
    for found, whole in ((tokens.calibration, texts.calibration), (tokens.held_out["gated"], texts.held_out["gated"])):
        assert found == [tokenizer.encode(f"title of a gene: {text}").ids for text in whole]
