"""Known answers, on a checkpoint whose numbers transformers gives, printed as the model pages print theirs."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import BertModel, BertTokenizer

from biobert_onnx import Manifest
from biobert_onnx.catalog import models
from biobert_onnx.catalog.models import SENTENCES, Model
from biobert_onnx.cli.main import main
from biobert_onnx_export import export
from tests.support.checkpoints import DIM, transformers_vectors
from tests.support.sentence_transformers import old_folder

NAME = "sent_tiny_cased"


def printed(vectors: Iterable[NDArray[np.float32]]) -> tuple[str, ...]:
    """The first three numbers of each vector: two in full, the third cut after two decimals."""
    return tuple(f"{row[0]}, {row[1]}, {f'{row[2]:.9f}'[:-7]}..." for row in vectors)


def word_vectors(checkpoint: Path) -> list[NDArray[np.float32]]:
    """The last layer's output of transformers for the first piece of each word of the first sentence."""
    tokenizer = BertTokenizer(str(checkpoint / "vocab.txt"), do_lower_case=False)
    pieces = [tokenizer.tokenize(word) for word in SENTENCES[0].split()]
    inputs = tokenizer(SENTENCES[0], return_tensors="pt")
    with torch.inference_mode():
        hidden = BertModel.from_pretrained(checkpoint).eval()(**inputs).last_hidden_state[0].numpy()
    firsts = 1 + np.cumsum([0, *map(len, pieces[:-1])])
    return [hidden[first] for first in firsts]


@pytest.fixture
def model(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    """The tiny checkpoint's entry in the table of models, beside the real ones."""
    model = Model(
        spark_nlp=NAME,
        short="tiny",  # the name of the checkpoint's folder
        title="Tiny",
        dim=DIM,
        parameters=None,
        casing="cased",
        max_length=128,
        licence="cc0-1.0",
        papers=(),
        archive="tiny",
        sentences=printed(
            transformers_vectors(tiny_checkpoint, SENTENCES, pooling="mean", lower_case=False, max_length=128)
        ),
        words=printed(word_vectors(tiny_checkpoint)),
    )
    monkeypatch.setattr(models, "MODELS", (*models.MODELS, model))
    yield model


def put(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the last entry of the table by `model`."""
    monkeypatch.setattr(models, "MODELS", (*models.MODELS[:-1], model))


def distances(manifest: Manifest, kind: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(value for key, value in record.items() if key != "distance"): record["distance"]
        for record in manifest.checkpoint["known_answers"][kind]
    }


def test_export_names_the_pooling_and_casing_that_were_published(
    model: Model, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    lines: list[str] = []
    manifest = export(tiny_checkpoint, tmp_path / "fp32", precision="fp32", pooling="cls", progress=lines.append)
    assert manifest.checkpoint["model"] == NAME
    sentences = distances(manifest, "sentences")
    assert set(sentences) == {(case, way) for case in ("cased", "uncased") for way in ("mean", "cls", "pooler")}
    assert [way for way, distance in sentences.items() if distance <= 1e-4] == [("cased", "mean")]
    assert [way for way, distance in distances(manifest, "words").items() if distance <= 1e-4] == [("cased",)]
    printed_lines = [line for line in lines if line.startswith("known answers")]
    assert printed_lines[0].startswith(
        f"known answers of {NAME}, sentences: reproduced by cased, mean (off by at most 0.00000"
    )
    assert printed_lines[1].startswith(f"known answers of {NAME}, words: reproduced by cased (off by at most 0.00000")


def test_verify_finds_the_numbers_in_a_float32_artifact(
    model: Model, tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tiny_checkpoint, tmp_path / "fp32", precision="fp32")
    assert main(["verify", str(tmp_path / "fp32")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(f"known answers of {NAME}, sentences: off by at most 0.00000")
    assert lines[2].startswith(f"known answers of {NAME}, words: off by at most 0.00000")


def test_verify_prints_the_distances_of_int8_and_float32(
    model: Model, tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tiny_checkpoint, tmp_path / "int8")
    assert main(["verify", str(tmp_path / "int8")]) == 0
    for line in capsys.readouterr().out.splitlines()[1:]:
        found, in_float32 = (float(part.split()[-1]) for part in line.partition("known")[2].split(";"))
        assert 1e-4 < found < 0.5
        assert in_float32 < 1e-5


def test_sentence_vectors_of_another_pooling_are_not_compared(
    model: Model, tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tiny_checkpoint, tmp_path / "cls", precision="fp32", pooling="cls")
    assert main(["verify", str(tmp_path / "cls")]) == 0
    out = capsys.readouterr().out
    assert "words" in out and "sentences" not in out


@pytest.mark.parametrize(
    ("more", "prompts"),
    [(["Normalize"], None), ([], {"prompts": {"query": "title: "}, "default_prompt_name": "query"})],
)
def test_sentence_vectors_of_more_than_pooling_are_not_compared(
    model: Model,
    tiny_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    prompts: object,
) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "tiny", more=more, prompts=prompts)
    export(folder, tmp_path / "fp32", precision="fp32")
    assert main(["verify", str(tmp_path / "fp32")]) == 0
    out = capsys.readouterr().out
    assert "words" in out and "sentences" not in out


def test_another_checkpoint_of_the_name_does_not_verify(
    model: Model,
    tiny_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(replace(model, words=("0.7, 0.7", *model.words[1:])), monkeypatch)
    lines: list[str] = []
    export(tiny_checkpoint, tmp_path / "fp32", precision="fp32", progress=lines.append)
    assert f"known answers of {NAME}, words: not reproduced, nearest by cased" in "\n".join(lines)
    assert main(["verify", str(tmp_path / "fp32")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"from those published of {NAME}, expected at most 0.0001: its checkpoint is another one" in error


def test_an_unknown_checkpoint_has_no_known_answers(
    artifact: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = Manifest.read(artifact).checkpoint
    assert (checkpoint["model"], checkpoint["known_answers"]) == (None, {})
    assert main(["verify", str(artifact)]) == 0
    assert "known answers" not in capsys.readouterr().out
