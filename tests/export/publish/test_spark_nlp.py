"""The folder for Spark NLP: what its BertSentenceEmbeddings feeds and takes, by onnxruntime in place of Spark NLP."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from tokenizers import AddedToken, Tokenizer

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.manifest import FileRecord
from biobert_onnx.artifact.paths import MODEL_GRAPH, TOKENIZER, WEIGHTS
from biobert_onnx_export import convert, export
from biobert_onnx_export.publish.one_file import read_whole_model
from biobert_onnx_export.publish.spark_nlp import OUTPUTS, vocabulary_lines
from tests.support.engines import needs_kernels
from tests.support.few_texts import few_texts
from tests.support.folders import WORDS, write_checkpoint
from tests.support.packed_artifacts import packed
from tests.support.texts import TEXTS

POOLINGS = ("mean", "cls", "pooler", "mean+max")

IR_OF_1_19, OPSET_OF_1_19 = 10, 21
"""The greatest versions that onnxruntime 1.19, Spark NLP 5.5's, loads: those of ONNX 1.16. 1.19.2 refuses IR 11 ("max
supported IR version: 10") and opset 22 ("Current official support for domain ai.onnx is till opset 21")."""

SENTENCES = [" ".join(WORDS[start : start + length]) for start, length in ((0, 3), (5, 9), (11, 30), (2, 1))]


def feeds(ids: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
    """What Spark NLP makes of a batch: padded with 0, and no token of id 0 counts."""
    longest = max(map(len, ids))
    padded = np.array([[*row, *[0] * (longest - len(row))] for row in ids], dtype=np.int64)
    return {
        "input_ids": padded,
        "attention_mask": (padded != 0).astype(np.int64),
        "token_type_ids": np.zeros_like(padded),
    }


def loaded(folder: Path) -> InferenceSession:
    """A session on the bytes of model.onnx, as Spark NLP opens it: no other file is found."""
    return InferenceSession((folder / MODEL_GRAPH).read_bytes(), providers=["CPUExecutionProvider"])


def ids_of(artifact: Path, texts: Sequence[str]) -> list[list[int]]:
    tokenizer = Tokenizer.from_file(str(artifact / TOKENIZER))
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def least_cosine(left: FloatArray, right: FloatArray) -> float:
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return float(((left * right).sum(axis=1) / norms).min())


def changed(artifact: Path, folder: Path, **values: Any) -> Path:
    """`folder`, a copy of `artifact` whose manifest has these values."""
    shutil.copytree(artifact, folder)
    replace(Manifest.read(folder), **values).write(folder)
    return folder


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A float32 artifact for each pooling."""
    work = tmp_path_factory.mktemp("fp32")
    checkpoint = write_checkpoint(work / "checkpoint", initializer_range=0.1)
    with few_texts():
        for pooling in POOLINGS:
            export(checkpoint, work / pooling, pooling=pooling, precision="fp32")
    return {pooling: work / pooling for pooling in POOLINGS}


@pytest.mark.parametrize("pooling", POOLINGS)
def test_both_outputs_are_the_pooled_vector(fp32: Mapping[str, Path], tmp_path: Path, pooling: str) -> None:
    artifact = fp32[pooling]
    convert(artifact, tmp_path / "folder", to="spark-nlp")
    session = loaded(tmp_path / "folder")
    assert [output.name for output in session.get_outputs()] == ["last_hidden_state", "pooler_output"]
    for expected, ids in zip(SentenceEncoder(artifact).encode(SENTENCES), ids_of(artifact, SENTENCES), strict=True):
        first, second = session.run(None, feeds([ids]))
        assert (first == second).all()
        assert first.shape == (1, len(expected))
        assert least_cosine(first, expected[np.newaxis]) > 0.999999


def test_int8_vectors_are_those_of_the_artifact_on_onnxruntime(artifact: Path, tmp_path: Path) -> None:
    convert(artifact, tmp_path / "folder", to="spark-nlp")
    session = loaded(tmp_path / "folder")
    texts = [text for text in TEXTS if text.strip()]
    expected = SentenceEncoder(artifact, engine="onnxruntime").encode(texts)
    found = np.concatenate([session.run(list(OUTPUTS[:1]), feeds([ids]))[0] for ids in ids_of(artifact, texts)])
    assert least_cosine(found, expected) > 0.998  # other sums, which a step of int8 may round otherwise


@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_does_not_count(fp32: Mapping[str, Path], tmp_path: Path, pooling: str) -> None:
    artifact = fp32[pooling]
    convert(artifact, tmp_path / "folder", to="spark-nlp")
    (found,) = loaded(tmp_path / "folder").run(["pooler_output"], feeds(ids_of(artifact, SENTENCES)))
    assert least_cosine(found, SentenceEncoder(artifact).encode(SENTENCES)) > 0.99999


def test_onnxruntime_1_19_knows_the_format_and_the_operators(artifact: Path, tmp_path: Path) -> None:
    convert(artifact, tmp_path / "folder", to="spark-nlp")
    model = onnx.load_model(tmp_path / "folder" / MODEL_GRAPH)
    assert model.ir_version <= IR_OF_1_19
    assert {entry.domain: entry.version <= OPSET_OF_1_19 for entry in model.opset_import} == {
        "": True,
        "com.microsoft": True,
    }
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_the_inputs_are_those_that_spark_nlp_feeds(artifact: Path, tmp_path: Path) -> None:
    convert(artifact, tmp_path / "folder", to="spark-nlp")
    found = {each.name: (each.type, len(each.shape)) for each in loaded(tmp_path / "folder").get_inputs()}
    assert found == dict.fromkeys(["input_ids", "attention_mask", "token_type_ids"], ("tensor(int64)", 2))


def test_line_numbers_of_the_vocabulary_are_token_ids(artifact: Path, tmp_path: Path) -> None:
    convert(artifact, tmp_path / "folder", to="spark-nlp")
    lines = (tmp_path / "folder" / "assets" / "vocab.txt").read_text(encoding="utf-8").split("\n")
    tokenizer = Tokenizer.from_file(str(artifact / TOKENIZER))
    assert lines.pop() == ""
    assert {token: number for number, token in enumerate(lines)} == tokenizer.get_vocab()


def test_an_id_without_a_token_keeps_its_line(artifact: Path) -> None:
    tokenizer = Tokenizer.from_file(str(artifact / TOKENIZER))
    size = tokenizer.get_vocab_size()
    vocabulary = tokenizer.get_vocab() | {"beyond": size + 1}
    tokenizer.model = type(tokenizer.model)(vocabulary, unk_token="[UNK]")
    assert vocabulary_lines(tokenizer, artifact)[size:] == [f"no token {size}", "beyond"]


def test_the_folder_holds_one_model_its_vocabulary_and_how_it_is_loaded(artifact: Path, tmp_path: Path) -> None:
    lines = convert(artifact, tmp_path / "folder", to="spark-nlp")
    files = {str(path.relative_to(tmp_path / "folder")) for path in (tmp_path / "folder").rglob("*") if path.is_file()}
    assert files == {"model.onnx", "assets/vocab.txt", "README.md"}
    readme = (tmp_path / "folder" / "README.md").read_text(encoding="utf-8")
    assert all(line.removeprefix("note: ") in readme for line in lines)
    manifest = Manifest.read(artifact)
    assert f"    .setCaseSensitive({manifest.casing == 'cased'})" in lines
    assert f"    .setDimension({manifest.dim})" in lines
    assert f"    .setMaxSentenceLength({manifest.max_length})" in lines


def test_two_conversions_give_the_same_bytes(artifact: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        convert(artifact, tmp_path / name / "folder", to="spark-nlp")
    for path in (tmp_path / "a" / "folder").rglob("*.*"):
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        if path.name != "README.md":  # it has the folder's name
            assert path.read_bytes() == other.read_bytes(), path


def test_what_differs_for_this_artifact_is_told(prompted_artifact: Path, tmp_path: Path) -> None:
    artifact = changed(prompted_artifact, tmp_path / "artifact", max_positions=1024, max_length=600)
    tokenizer = Tokenizer.from_file(str(artifact / TOKENIZER))
    tokenizer.add_tokens([AddedToken("<E1>")])
    tokenizer.save(str(artifact / TOKENIZER))
    manifest = Manifest.read(artifact)
    replace(manifest, files={**manifest.files, TOKENIZER: FileRecord.of(artifact / TOKENIZER)}).write(artifact)
    notes = [line for line in convert(artifact, tmp_path / "folder", to="spark-nlp") if line.startswith("note: ")]
    assert notes[:3] == [
        "note: Spark NLP knows no prompts: put the default one, 'Étude. ', before each text yourself",
        "note: Spark NLP cuts texts to 512 tokens at most, this artifact to 600",
        "note: Spark NLP knows no added tokens: it splits these at blanks and punctuation: '<E1>'",
    ]
    assert "token ids up to 28,937" in notes[3]


@pytest.mark.parametrize("model_type", ["mpnet", "electra", "distilbert", "roberta"])
def test_another_family_is_refused(artifact: Path, tmp_path: Path, model_type: str) -> None:
    other = changed(artifact, tmp_path / "artifact", model_type=model_type)
    with pytest.raises(ValueError, match=f"is of the family {model_type}, expected bert: .* biobert_onnx.spark"):
        convert(other, tmp_path / "folder", to="spark-nlp")
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


def test_a_tokenizer_that_spark_nlp_does_not_have_is_refused(artifact: Path) -> None:
    content = json.loads((artifact / TOKENIZER).read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    vocabulary["[PAD]"], vocabulary["[MASK]"] = vocabulary["[MASK]"], vocabulary["[PAD]"]
    for token in content["added_tokens"]:
        token["id"] = vocabulary.get(token["content"], token["id"])
    tokenizer = Tokenizer.from_str(json.dumps(content))
    with pytest.raises(ValueError, match=r"has '\[MASK\]' as its first token, expected WordPiece with \[CLS\]"):
        vocabulary_lines(tokenizer, artifact)


def test_a_token_with_a_line_break_is_refused(artifact: Path) -> None:
    tokenizer = Tokenizer.from_file(str(artifact / TOKENIZER))
    tokenizer.add_tokens(["two\nlines"])
    with pytest.raises(ValueError, match=r"the token 'two\\nlines' .* holds a line break"):
        vocabulary_lines(tokenizer, artifact)


@needs_kernels
def test_a_packed_artifact_is_refused(artifact: Path, tmp_path: Path) -> None:
    made = packed(artifact, tmp_path / "packed")
    with pytest.raises(ValueError, match="is packed, without a graph, expected an artifact with"):
        convert(made, tmp_path / "folder", to="spark-nlp")
    assert not (tmp_path / "folder").exists()


def test_a_folder_that_exists_is_refused(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileExistsError, match="folder' exists: choose a new folder, or remove it first"):
        convert(artifact, tmp_path / "folder", to="spark-nlp")


def test_an_unknown_program_is_refused_with_the_known_ones(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^to is 'spark', expected one of spark-nlp$"):
        convert(artifact, tmp_path / "folder", to="spark")


def test_a_damaged_artifact_is_refused(artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(artifact, tmp_path / "artifact")
    with (tmp_path / "artifact" / TOKENIZER).open("r+b") as file:
        file.write(b"[")
    with pytest.raises(ArtifactError, match=r"tokenizer.json' has sha256 .*: export or copy it again"):
        convert(tmp_path / "artifact", tmp_path / "folder", to="spark-nlp")
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


def with_length(artifact: Path, folder: Path, length: int) -> Path:
    """`folder` with a model.onnx like that of `artifact`, whose first outside tensor has `length` bytes."""
    folder.mkdir()
    model = onnx.load_model(artifact / MODEL_GRAPH, load_external_data=False)
    outside = next(tensor for tensor in model.graph.initializer if tensor.external_data)
    next(entry for entry in outside.external_data if entry.key == "length").value = str(length)
    (folder / MODEL_GRAPH).write_bytes(model.SerializeToString())
    shutil.copyfile(artifact / WEIGHTS, folder / WEIGHTS)
    return folder


def test_a_model_of_two_gigabytes_is_refused_before_it_is_read(artifact: Path, tmp_path: Path) -> None:
    folder = with_length(artifact, tmp_path / "large", 2**31)
    with pytest.raises(
        ValueError, match=r"bytes with its weights inside, expected at most 2,147,483,647, the limit of"
    ):
        read_whole_model(folder)


def test_weights_that_end_too_early_are_refused(artifact: Path, tmp_path: Path) -> None:
    size = (artifact / WEIGHTS).stat().st_size
    folder = with_length(artifact, tmp_path / "short", size + 1)
    with pytest.raises(ArtifactError, match=rf"expected {size + 1:,} for .*: export or copy it again"):
        read_whole_model(folder)
