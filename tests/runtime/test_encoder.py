"""What `SentenceEncoder` promises about shapes, bits and errors."""

import pickle
import random
import subprocess
import sys
import warnings
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder, TextTooLongError, TruncationWarning, similarity
from biobert_onnx.encoding.texts import CHUNK_TEXTS
from biobert_onnx.encoding.tokenizer import CALL_CHARACTERS
from tests.support.texts import TEXTS

LONG = "Mutations of the gene were found in every second patient. " * 60


def test_one_vector_a_text_in_float32(encoder: SentenceEncoder) -> None:
    embeddings = encoder.encode(TEXTS)
    assert embeddings.shape == (len(TEXTS), encoder.dim)
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()


def test_no_texts_give_an_empty_array_of_the_right_width(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)


def one_by_one(encoder: SentenceEncoder) -> np.ndarray:
    return np.vstack([encoder.encode([text]) for text in TEXTS])


def reversed_order(encoder: SentenceEncoder) -> np.ndarray:
    return encoder.encode(TEXTS[::-1])[::-1]


def repeated_and_shuffled(encoder: SentenceEncoder) -> np.ndarray:
    order = list(range(len(TEXTS))) * 40
    random.Random(7).shuffle(order)
    embeddings = encoder.encode([TEXTS[index] for index in order])
    for index in range(len(TEXTS)):
        rows = embeddings[[place for place, chosen in enumerate(order) if chosen == index]]
        assert (rows == rows[0]).all()
    return embeddings[[order.index(index) for index in range(len(TEXTS))]]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("grouping", [one_by_one, reversed_order, repeated_and_shuffled])
def test_a_text_gets_the_same_bits_in_any_company_and_on_any_number_of_threads(
    artifact: Path, encoder: SentenceEncoder, grouping: Callable[[SentenceEncoder], np.ndarray], threads: int
) -> None:
    other = SentenceEncoder(artifact, threads=threads)
    assert (grouping(other) == encoder.encode(TEXTS)).all()


def test_vectors_stay_in_order_from_chunk_to_chunk(encoder: SentenceEncoder) -> None:
    texts = [f"Why {number}?" for number in range(CHUNK_TEXTS - 1)] + ["Sepsis", "No.", "x" * CALL_CHARACTERS, "TNF-α"]
    alone = np.vstack([encoder.encode([text]) for text in texts[-4:]])
    assert (encoder.encode(texts)[-4:] == alone).all()


def test_normalized_vectors_have_unit_length_and_the_same_bits_alone(encoder: SentenceEncoder) -> None:
    together = encoder.encode(TEXTS, normalize_embeddings=True)
    alone = np.vstack([encoder.encode([text], normalize_embeddings=True) for text in TEXTS])
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-6)
    assert (together == alone).all()


def test_truncate_dim_keeps_the_first_numbers_and_normalizes_what_is_kept(encoder: SentenceEncoder) -> None:
    whole = encoder.encode(TEXTS)
    assert (encoder.encode(TEXTS, truncate_dim=encoder.dim) == whole).all()
    assert (encoder.encode(TEXTS, truncate_dim=1) == whole[:, :1]).all()
    kept = whole[:, :7]
    found = encoder.encode(TEXTS, truncate_dim=7, normalize_embeddings=True)
    assert found == pytest.approx(kept / np.linalg.norm(kept, axis=1, keepdims=True), abs=1e-6)


@pytest.mark.parametrize("flag", ["false", 1, None])
def test_a_flag_that_is_neither_true_nor_false_is_refused(encoder: SentenceEncoder, flag: Any) -> None:
    with pytest.raises(TypeError, match=f"normalize_embeddings is {flag!r}, expected True or False"):
        encoder.encode(["a"], normalize_embeddings=flag)


@pytest.mark.parametrize("truncate_dim", [0, -1, 10**6, 2.5])
def test_truncate_dim_out_of_range_is_refused(encoder: SentenceEncoder, truncate_dim: int) -> None:
    with pytest.raises(
        ValueError, match=f"truncate_dim is {truncate_dim}, expected (a whole number, )?1 to {encoder.dim}"
    ):
        encoder.encode([], truncate_dim=truncate_dim)


def test_blank_texts_equal_the_empty_text(encoder: SentenceEncoder) -> None:
    embeddings = encoder.encode(["", " ", "\t\n", "\u00a0", "\u200b"])
    assert (embeddings == embeddings[0]).all()


def test_a_text_over_max_length_is_cut_there(artifact: Path, encoder: SentenceEncoder) -> None:
    short = SentenceEncoder(artifact, max_length=16, threads=1)
    assert short.max_length == 16
    with pytest.warns(TruncationWarning):
        once, twice, longer = short.encode([LONG]), short.encode([LONG * 2]), encoder.encode([LONG])
    assert (once == twice).all()
    assert (once != longer).any()


def test_a_text_of_five_megabytes_is_cut_and_encoded(encoder: SentenceEncoder) -> None:
    text = LONG * (5_000_000 // len(LONG))
    with pytest.warns(TruncationWarning):
        assert (encoder.encode([text]) == encoder.encode([LONG])).all()


def test_a_word_of_five_megabytes_is_one_unknown_token(encoder: SentenceEncoder) -> None:
    assert (encoder.encode(["a" * 5_000_000]) == encoder.encode(["[UNK]"])).all()


@pytest.mark.parametrize("text", ["one text", b"one text"])
def test_a_bare_string_is_refused_with_the_right_call(encoder: SentenceEncoder, text: str) -> None:
    with pytest.raises(TypeError, match=r"call with \[text\]"):
        encoder.encode(text)
    with pytest.raises(TypeError, match=r"call with \[text\]"):
        encoder.token_counts(text)


@pytest.mark.parametrize("entry", [None, 7, b"bytes", ["a list"]])
def test_an_entry_that_is_no_text_is_named_by_its_index(encoder: SentenceEncoder, entry: object) -> None:
    with pytest.raises(TypeError, match=rf"sentences\[2\] is .*{type(entry).__name__}"):
        encoder.encode(["fine", "fine", entry])  # type: ignore[list-item]


def test_a_lone_surrogate_is_named_by_its_index(encoder: SentenceEncoder) -> None:
    with pytest.raises(ValueError, match=r"sentences\[1\] holds a lone surrogate, '\\ud83d' at character 3"):
        encoder.encode(["fine", "bad\ud83d", "fine"])


@pytest.mark.parametrize("max_length", [0, 2, 10**6, -1])
def test_max_length_out_of_range_is_refused(artifact: Path, max_length: int) -> None:
    with pytest.raises(ValueError, match=f"max_length is {max_length}, expected 3 to"):
        SentenceEncoder(artifact, max_length=max_length)


@pytest.mark.parametrize("threads", [0, -2, "2", 2.5, 2.0, True, 1_000_000])
def test_threads_that_are_no_number_of_threads_are_refused(artifact: Path, threads: int) -> None:
    message = rf"threads is {threads!r}, expected (a whole number, )?1 to 1024: leave it out to use every CPU"
    with pytest.raises(ValueError, match=message):
        SentenceEncoder(artifact, threads=threads)


def test_numpys_integers_are_whole_numbers(artifact: Path, encoder: SentenceEncoder) -> None:
    other = SentenceEncoder(artifact, threads=np.int64(1), max_length=np.int32(8))  # type: ignore[arg-type]
    assert other.max_length == 8
    assert other.encode(["Sepsis"], truncate_dim=np.int8(5)).shape == (1, 5)  # type: ignore[arg-type]


def test_an_encoder_shows_what_it_is(artifact: Path) -> None:
    encoder = SentenceEncoder(artifact, threads=2, max_length=9)
    manifest = encoder.manifest
    assert repr(encoder) == (
        f"SentenceEncoder('{artifact}', precision='{manifest.precision}', dim={manifest.dim}, "
        f"pooling='{manifest.pooling}', unit_length={manifest.normalized}, max_length=9, threads=2, "
        f"engine='{encoder.engine}')"
    )


def test_the_names_of_sentence_transformers_give_the_same(encoder: SentenceEncoder) -> None:
    embeddings = encoder.encode(TEXTS)
    assert encoder.get_sentence_embedding_dimension() == encoder.dim
    assert (encoder.similarity(embeddings, embeddings) == similarity(embeddings, embeddings)).all()


def test_token_counts_name_the_first_sentence_that_is_too_long(encoder: SentenceEncoder) -> None:
    with pytest.raises(TextTooLongError, match=r"sentences\[2000\] has a word of more than 262,144 characters"):
        encoder.token_counts([*["fine"] * 2000, "\u0301" * 600_000])


def test_an_empty_path_is_refused(monkeypatch: pytest.MonkeyPatch, artifact: Path) -> None:
    monkeypatch.chdir(artifact)
    with pytest.raises(ValueError, match=r"path is '', expected an artifact's folder: '\.' is the working directory"):
        SentenceEncoder("")
    assert SentenceEncoder(".").dim


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, artifact: Path) -> None:
    monkeypatch.setenv("HOME", str(artifact.parent))
    assert SentenceEncoder(f"~/{artifact.name}").dim


def test_token_counts_come_with_the_vectors(encoder: SentenceEncoder) -> None:
    texts = [*TEXTS, "", *TEXTS[:2]]
    vectors, counts = encoder.encode_with_counts(texts)
    assert (vectors == encoder.encode(texts)).all()
    assert (counts == encoder.token_counts(texts)).all()


@pytest.mark.parametrize(("long_texts", "whole"), [("truncate", False), ("window", True)])
def test_token_counts_are_those_of_the_tokens_that_were_encoded(
    artifact: Path, encoder: SentenceEncoder, long_texts: str, whole: bool
) -> None:
    short = SentenceEncoder(artifact, max_length=16, threads=1)
    before = encoder.token_counts([LONG, "Sepsis"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        _, counts = short.encode_with_counts([LONG, "Sepsis"], long_texts=long_texts)
    assert counts.tolist() == [before[0] if whole else 16, before[1]]


class Table:
    """What pandas, polars and pyarrow have in common: iterating one gives names or columns, not texts."""

    columns = ("text",)


class ArrowArray:
    def to_pylist(self) -> list[str]:
        return ["text"]


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (None, r"got None: call with \[text\]"),
        (7, r"got 7: call with \[text\]"),
        (Table(), r"got a Table: pass one column, df\['text'\]"),
        ({"text": ["a"]}, r"got a dict: pass its texts, list\(mapping.values\(\)\)"),
        ({"a", "b"}, r"got a set: a set has no order; pass sorted\(texts\)"),
        (frozenset("ab"), "got a frozenset: a set has no order"),
        (ArrowArray(), r"got a ArrowArray: pass array.to_pylist\(\)"),
        (np.array("text"), r"its shape is \(\), expected \(n,\)"),
        (np.array([["a", "b"]]), r"its shape is \(1, 2\), expected \(n,\)"),
    ],
)
def test_what_is_no_sequence_of_texts_is_refused_with_the_remedy(
    encoder: SentenceEncoder, value: object, remedy: str
) -> None:
    calls: list[Callable[[Any], object]] = [encoder.encode, encoder.encode_with_counts, encoder.token_counts]
    for call in (*calls, encoder.encode_stream):
        with pytest.raises(TypeError, match=f"expected a sequence of texts, .*{remedy.partition(': call')[0]}"):
            call(value)
    with pytest.raises(TypeError, match=remedy):
        encoder.encode(value)  # type: ignore[arg-type]


def keys_of_a_dict(texts: list[str]) -> Any:
    return dict.fromkeys(texts).keys()


@pytest.mark.parametrize("kind", [tuple, deque, np.array, iter, keys_of_a_dict])
def test_any_other_iterable_of_texts_is_taken(encoder: SentenceEncoder, kind: Callable[[list[str]], Any]) -> None:
    texts = ["Sepsis", "No."]
    assert (encoder.encode(kind(texts)) == encoder.encode(texts)).all()


def test_the_progress_bar_counts_every_text_on_stderr(
    encoder: SentenceEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder.encode(TEXTS, show_progress_bar=True)
    captured = capsys.readouterr()
    assert f"{len(TEXTS)}/{len(TEXTS)} texts" in captured.err
    assert captured.out == ""


def test_no_progress_bar_where_stderr_is_no_terminal(
    encoder: SentenceEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder.encode(["Short."] * 2100)
    assert capsys.readouterr().err == ""


def test_the_manifest_is_at_hand(encoder: SentenceEncoder) -> None:
    assert encoder.manifest.precision == "int8"
    assert encoder.dim == encoder.manifest.dim
    assert encoder.max_length == encoder.manifest.max_length


def test_a_pickled_encoder_is_its_path_and_options(artifact: Path, encoder: SentenceEncoder) -> None:
    data = pickle.dumps(SentenceEncoder(artifact, max_length=8, threads=1))
    copy = pickle.loads(data)
    assert len(data) < 1000
    assert copy.max_length == 8
    with pytest.warns(UserWarning, match="were cut there"):
        cut = copy.encode(TEXTS)
    with pytest.warns(UserWarning):
        assert (cut == SentenceEncoder(artifact, max_length=8).encode(TEXTS)).all()


def test_a_spawned_process_gives_the_same_bits(artifact: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    (tmp_path / "encoder.pickle").write_bytes(pickle.dumps(encoder))
    code = (
        "import pickle, sys, numpy, pathlib; folder = pathlib.Path(sys.argv[1]);"
        "encoder = pickle.loads((folder / 'encoder.pickle').read_bytes());"
        f"numpy.save(folder / 'out.npy', encoder.encode({TEXTS!r}))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert (np.load(tmp_path / "out.npy") == encoder.encode(TEXTS)).all()
