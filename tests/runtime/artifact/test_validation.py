"""What manifest.json must hold: one ArtifactError that names the first value that differs."""

from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import ArtifactError, SentenceEncoder
from tests.support.damage import edit_manifest, remove_key
from tests.support.texts import TEXTS


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"7", b'{"format": 2}', b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_no_manifest_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"manifest\.json' cannot be read"):
        SentenceEncoder(folder)


@pytest.mark.parametrize("number", [0, -1, "2", None, True, 2.0, [2], {}])
def test_a_format_that_is_no_number_from_1_on_is_damage(folder: Path, number: object) -> None:
    edit_manifest(folder, "format", value=number)
    with pytest.raises(
        ArtifactError, match=r"manifest\.json' cannot be read: format is .*, expected 2: export the art"
    ):
        SentenceEncoder(folder)


@pytest.mark.parametrize("number", [3, 12, 10**60])
def test_a_newer_format_says_upgrade(folder: Path, number: int) -> None:
    edit_manifest(folder, "format", value=number)
    expected = (
        r"manifest\.json' has format \d.*, expected 2: .* made by a newer biobert-onnx: upgrade biobert-onnx here$"
    )
    with pytest.raises(ArtifactError, match=expected):
        SentenceEncoder(folder)


def test_an_older_format_says_export_again(folder: Path) -> None:
    edit_manifest(folder, "format", value=1)
    with pytest.raises(ArtifactError, match=r"has format 1, expected 2: .* by an older biobert-onnx: export it again$"):
        SentenceEncoder(folder)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("dim",), "96", "dim is '96', expected int"),
        (("dim",), -1, "dim is -1, expected int"),
        (("max_length",), True, "max_length is True, expected int"),
        (("max_length",), 2, "max_length is 2, expected 3 to "),
        (("max_length",), 10**6, "max_length is 1000000, expected 3 to "),
        (("max_positions",), 0, "max_length is "),
        (("name",), None, "name is None, expected str"),
        (("normalized",), 0, "normalized is 0, expected bool"),
        (("pooling",), "sum", "pooling is 'sum', expected one of cls, max, mean, "),
        (("pooling",), "cls+sum", "pooling is 'cls+sum', expected one of cls, max, mean, "),
        (("pooling",), "", "pooling is '', expected one of cls, max, mean, "),
        (("prompts",), ["query: "], "prompts is ['query: '], expected an object"),
        (("prompts",), {"query": None}, "prompts.query is None, expected str"),
        (("default_prompt",), 3, "default_prompt is 3, expected str or null"),
        (("default_prompt",), "query", "default_prompt is 'query', expected one of prompts (there is none)"),
        (("include_prompt",), None, "include_prompt is None, expected bool"),
        (("rules",), {}, "rules is {}, expected a list"),
        (("rules",), [{"about": "pooling"}], "rules[0].decision is None, expected str"),
        (("precision",), ["int8"], "precision is ['int8'], expected one of int8, fp32"),
        (("casing",), "", "casing is '', expected one of cased, uncased"),
        (("quantization",), 7, "quantization is 7, expected an object"),
        (("versions", "numpy"), 2, "versions.numpy is 2, expected str"),
        (("checkpoint",), [], "checkpoint is [], expected an object"),
        (("checkpoint", "sha256"), None, "checkpoint.sha256 is None, expected str"),
        (("checkpoint", "known_answers"), {"words": [7]}, "checkpoint.known_answers.words[0] is 7, expected an object"),
        (("fidelity", "gated", "cosine_min"), "1", "fidelity.gated.cosine_min is '1', expected float"),
        (("fidelity", "gated", "neighbours_kept"), "all", "fidelity.gated.neighbours_kept is 'all', expected float"),
        (("fidelity", "gated", "centred_min"), None, "fidelity.gated.centred_min is None, expected float"),
        (("fidelity", "gated", "by_length"), {"short": 1}, "fidelity.gated.by_length.short is 1, expected an object"),
        (("kernels_fidelity",), 7, "kernels_fidelity is 7, expected an object or null"),
        (("kernels_fidelity",), {"gated": {}}, "kernels_fidelity.gated.texts is None, expected int"),
        (("files",), {}, "files.encoder.onnx is None, expected an object"),
        (("files", "model.onnx"), None, "files.model.onnx is None, expected an object"),
        (("files", "tokenizer.json"), "x", "files.tokenizer.json is 'x', expected an object"),
        (("files", "tokenizer.json"), {"size": 1.0, "sha256": ""}, "files.tokenizer.json.size is 1.0, expected int"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_at_load(
    folder: Path, keys: tuple[str, ...], value: object, message: str
) -> None:
    edit_manifest(folder, *keys, value=value)
    with pytest.raises(ArtifactError) as error:
        SentenceEncoder(folder)
    assert f"manifest.json' cannot be read: {message}" in str(error.value)
    assert str(error.value).endswith("export the artifact again")


def test_what_a_manifest_may_hold_beside_is_left_alone(folder: Path, encoder: SentenceEncoder) -> None:
    extra: Any = {"anything": [None, {"else": 1.5}]}
    edit_manifest(folder, "of_a_later_version", value=extra)
    edit_manifest(folder, "checkpoint", "more", value=extra)
    assert (SentenceEncoder(folder).encode(TEXTS[:1]) == encoder.encode(TEXTS[:1])).all()


@pytest.mark.parametrize("key", ["rules", "default_prompt", "kernels_fidelity"])
def test_a_key_that_a_reader_may_leave_out_may_be_absent(folder: Path, encoder: SentenceEncoder, key: str) -> None:
    remove_key(folder, key)
    assert (SentenceEncoder(folder).encode(TEXTS[:1]) == encoder.encode(TEXTS[:1])).all()


@pytest.mark.parametrize("key", ["format", "name", "prompts", "include_prompt", "files"])
def test_any_other_key_that_is_absent_is_named(folder: Path, key: str) -> None:
    remove_key(folder, key)
    with pytest.raises(ArtifactError, match=rf"manifest\.json' cannot be read: {key}\S* is None, expected"):
        SentenceEncoder(folder)
