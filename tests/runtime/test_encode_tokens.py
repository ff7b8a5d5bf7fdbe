"""Vectors of tokens, words and spans: the same bits in any company, on both engines, and one error for each mistake."""

import pickle
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder, TextTooLongError, TokenEmbeddings, TruncationWarning
from biobert_onnx.artifact.manifest import TOKEN_LAYERS
from biobert_onnx.encoding.texts import Chunk
from tests.support.damage import copied
from tests.support.engines import each_engine
from tests.support.prompts import DEFAULT, PROMPTS
from tests.support.texts import TEXTS

LONG = " ".join(f"Sepsis {number} was treated." for number in range(60))
"""Of several windows."""


def same(left: TokenEmbeddings, right: TokenEmbeddings) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in left.__dataclass_fields__)


@each_engine
@pytest.mark.parametrize("layers", TOKEN_LAYERS)
def test_a_text_has_the_same_bits_in_any_company_and_number_of_threads(
    artifact: Path, engine: str, layers: str
) -> None:
    with SentenceEncoder(artifact, threads=3, engine=engine) as many, SentenceEncoder(artifact, threads=1) as other:
        one = many if engine != other.engine else other
        together = many.encode_tokens(TEXTS[::-1], layers=layers)[::-1]
        for text, item in zip(TEXTS, together, strict=True):
            assert same(item, one.encode_tokens([text], layers=layers)[0])


def test_rows_have_the_types_and_shapes_that_are_said(encoder: SentenceEncoder) -> None:
    item, blank = encoder.encode_tokens(["TNF-α was up.", "  "])
    count = int(encoder.token_counts(["TNF-α was up."])[0])
    assert item.embeddings.shape == (count, encoder.token_dim) and item.embeddings.dtype == np.float32
    assert item.offsets.shape == (count, 2) and item.offsets.dtype == np.int64
    assert item.word_ids.shape == (count,) and item.word_ids.dtype == np.int64
    assert item.special.tolist() == [True, *[False] * (count - 2), True] and item.special.dtype == np.bool_
    assert item.offsets[[0, -1]].tolist() == [[0, 0], [0, 0]] and item.word_ids[[0, -1]].tolist() == [-1, -1]
    assert len(blank) == 2 and blank.special.all()
    assert encoder.encode_tokens([]) == []


def test_the_mean_of_the_rows_is_the_vector_of_mean_pooling(encoder: SentenceEncoder) -> None:
    if encoder.manifest.pooling != "mean" or encoder.manifest.normalized:
        pytest.skip("the artifact does not pool by the mean")
    means = [item.embeddings.mean(axis=0) for item in encoder.encode_tokens(TEXTS)]
    assert np.abs(means - encoder.encode(TEXTS)).max() < 1e-5


def test_equal_sentences_get_arrays_of_their_own(encoder: SentenceEncoder) -> None:
    first, second = encoder.encode_tokens(["Sepsis", "Sepsis"])
    assert same(first, second)
    assert not np.shares_memory(first.embeddings, second.embeddings)
    assert not np.shares_memory(first.offsets, second.offsets)


def test_items_pickle(encoder: SentenceEncoder) -> None:
    (item,) = encoder.encode_tokens(["Sepsis"])
    assert same(pickle.loads(pickle.dumps(item)), item)


def test_words_have_the_mean_or_the_first_of_their_tokens(encoder: SentenceEncoder) -> None:
    text = TEXTS[0]
    (tokens,) = encoder.encode_tokens([text])
    (means,) = encoder.encode_tokens([text], words=True)
    (firsts,) = encoder.encode_tokens([text], words=True, word_pooling="first")
    assert len(means) == len(firsts) == tokens.word_ids.max() + 1 < len(tokens) - 2
    for word in range(len(means)):
        rows = np.flatnonzero(tokens.word_ids == word)
        expected = tokens.embeddings[rows].astype(np.float64).sum(axis=0) / len(rows)
        assert np.array_equal(means.embeddings[word], expected.astype(np.float32))
        assert np.array_equal(firsts.embeddings[word], tokens.embeddings[rows[0]])
        assert means.offsets[word].tolist() == [tokens.offsets[rows[0], 0], tokens.offsets[rows[-1], 1]]
    assert [text[start:end] for start, end in means.offsets[:4]] == ["Loss", "of", "Il6", "in"]
    assert means.word_ids.tolist() == list(range(len(means))) and not means.special.any()


def test_a_blank_text_has_no_words(encoder: SentenceEncoder) -> None:
    (blank,) = encoder.encode_tokens([" "], words=True)
    assert blank.embeddings.shape == (0, encoder.token_dim) and blank.offsets.shape == (0, 2)


def test_groups_give_what_a_list_gives(encoder: SentenceEncoder) -> None:
    groups = [Chunk(texts=list(TEXTS[:5])), Chunk(texts=list(TEXTS[5:]))]
    shares: list[float] = []
    found = list(encoder.encode_token_groups(groups, words=True, progress=lambda group, share: shares.append(share)))
    assert [group for group, _ in found] == groups and shares.count(1.0) == 2
    items = [item for _, items in found for item in items]
    assert all(map(same, items, encoder.encode_tokens(TEXTS, words=True)))


def test_a_cut_text_has_its_first_tokens_and_one_warning(artifact: Path, encoder: SentenceEncoder) -> None:
    with SentenceEncoder(artifact, max_length=9, engine=encoder.engine) as short:
        with pytest.warns(TruncationWarning, match="2 of 3 texts"):
            cut, _, other = short.encode_tokens([LONG, "Why?", LONG])
        assert len(cut) == 9 and same(cut, other)
        whole = short.encode_tokens([LONG], long_texts="window")[0]
        assert np.array_equal(cut.offsets[:-1], whole.offsets[:8]) and cut.special[[0, -1]].all()
        with pytest.raises(TextTooLongError, match=r"sentences\[1\] has more than 9 tokens"):
            short.encode_tokens(["Why?", LONG], long_texts="error")


@pytest.mark.parametrize("max_length", [3, 9, 10, 18, 19, 40])
def test_windows_give_each_token_the_vector_of_the_window_where_it_is_farthest_from_the_cut(
    artifact: Path, encoder: SentenceEncoder, max_length: int
) -> None:
    ids = encoder._pipeline.tokenizer.token_ids([LONG])[0]
    size = max_length - 2
    starts = range(1, len(ids) - 1 - size // 8, size - size // 8)
    windows = [[ids[0], *ids[start : min(start + size, len(ids) - 1)], ids[-1]] for start in starts]
    rows = [encoder._session.token_vectors(np.array([window]), 1, "last")[0] for window in windows]
    expected = [rows[0][0]]
    for token in range(1, len(ids) - 1):
        inside = [
            (
                min(
                    token - start if start > 1 else size,
                    start + len(window) - 3 - token if start != starts[-1] else size,
                ),
                -n,
            )
            for n, (start, window) in enumerate(zip(starts, windows, strict=True))
            if start <= token < start + len(window) - 2
        ]
        window = -max(inside)[1]
        expected.append(rows[window][token - starts[window] + 1])
    expected.append(rows[-1][-1])
    with SentenceEncoder(artifact, max_length=max_length, engine=encoder.engine) as short:
        (item,) = short.encode_tokens([LONG], long_texts="window")
    assert np.array_equal(item.embeddings, expected)
    assert "".join(LONG[start:end] for start, end in item.offsets) == LONG.replace(" ", "")


@pytest.mark.parametrize("name", [None, *PROMPTS])
def test_tokens_of_a_prompt_are_read_and_left_out(
    prompted: SentenceEncoder, encoder: SentenceEncoder, name: str | None
) -> None:
    prompt = PROMPTS[name or DEFAULT]
    for text in ("cancer of the lung", "", "Sepsis"):
        (item,) = prompted.encode_tokens([text], prompt_name=name)
        (whole,) = encoder.encode_tokens([prompt + text])
        kept = whole.special | (whole.offsets[:, 1] > len(prompt))
        assert np.array_equal(item.embeddings, whole.embeddings[kept])
        assert np.array_equal(item.offsets, np.maximum(whole.offsets[kept] - len(prompt), 0))
        own = item.word_ids[~item.special]
        assert own.min(initial=0) == 0 and (np.diff(own) <= 1).all()


def test_a_word_that_begins_in_the_prompt_counts_from_the_text(encoder: SentenceEncoder) -> None:
    (item,) = encoder.encode_tokens(["oma of the lung"], prompt="carcin", words=True)
    assert ["oma of the lung"[start:end] for start, end in item.offsets] == ["oma", "of", "the", "lung"]


def test_a_span_is_the_mean_of_the_tokens_that_overlap_it(encoder: SentenceEncoder) -> None:
    (item,) = encoder.encode_tokens([TEXTS[3]])
    spans = [(0, 8), (2, 12), (0, len(TEXTS[3])), (18, 19)]
    vectors = encoder.encode_spans(TEXTS[3], spans)
    assert vectors.shape == (4, encoder.token_dim) and vectors.dtype == np.float32
    for (start, end), vector in zip(spans, vectors, strict=True):
        inside = [row for row in range(1, len(item) - 1) if item.offsets[row, 0] < end and item.offsets[row, 1] > start]
        expected = item.embeddings[inside].astype(np.float64).sum(axis=0) / len(inside)
        assert np.array_equal(vector, expected.astype(np.float32))


def test_spans_of_a_long_text_are_read_in_windows_without_a_warning(artifact: Path, encoder: SentenceEncoder) -> None:
    with SentenceEncoder(artifact, max_length=20, engine=encoder.engine) as short, warnings.catch_warnings():
        warnings.simplefilter("error")
        (item,) = short.encode_tokens([LONG], long_texts="window", layers="mean_last_four")
        (vector,) = short.encode_spans(LONG, np.array([[0, len(LONG)]]), layers="mean_last_four")
    assert np.allclose(vector, item.embeddings[1:-1].mean(axis=0), atol=1e-5)


def test_spans_may_have_unit_length_and_may_be_none(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode_spans(TEXTS[0], [(0, 4), (5, 30)], normalize_embeddings=True)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert encoder.encode_spans(TEXTS[0], []).shape == (0, encoder.token_dim)


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ((3, 3), r"spans\[1\] is \(3, 3\), expected a start from 0 on and an end behind it, 9 at most"),
        ((5, 3), r"spans\[1\] is \(5, 3\), expected a start"),
        ((-1, 3), r"spans\[1\] is \(-1, 3\), expected a start"),
        ((3, 10), r"spans\[1\] is \(3, 10\), expected a start"),
        ((3, 5), r"spans\[1\] is \(3, 5\), where the text has no token: leave it out, or widen it to a word"),
        ((1.5, 2), r"spans\[1\] is \(1.5, 2\), expected two whole numbers"),
        ((1, 2, 3), r"spans\[1\] is \(1, 2, 3\), expected two whole numbers"),
        (7, r"spans\[1\] is 7, expected two whole numbers"),
    ],
)
def test_a_span_that_is_none_is_one_clear_error(encoder: SentenceEncoder, span: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder.encode_spans("Why   not", [(0, 3), span])  # type: ignore[list-item]


def test_spans_are_of_one_text(encoder: SentenceEncoder) -> None:
    with pytest.raises(TypeError, match=r"text is \['Why'\], of type list: it must be one str"):
        encoder.encode_spans(["Why"], [(0, 3)])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="spans is None, expected pairs"):
        encoder.encode_spans("Why", None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="text holds a lone surrogate"):
        encoder.encode_spans("\ud800", [(0, 1)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "first"}, "layers is 'first', expected one of last, mean_last_four"),
        ({"words": "first"}, "words is 'first', expected True or False: word_pooling= says how"),
        ({"word_pooling": "max"}, "word_pooling is 'max', expected one of mean, first"),
        ({"long_texts": "cut"}, "long_texts is 'cut', expected one of truncate, error, window"),
    ],
)
def test_an_option_out_of_range_is_an_error(encoder: SentenceEncoder, options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder.encode_tokens(["a"], **options)  # type: ignore[arg-type]


def test_sentences_are_checked_as_encode_checks_them(encoder: SentenceEncoder) -> None:
    with pytest.raises(TypeError, match="expected a sequence of texts, got one str"):
        encoder.encode_tokens("Sepsis")
    with pytest.raises(TypeError, match=r"sentences\[1\] is None"):
        encoder.encode_tokens(["Sepsis", None])  # type: ignore[list-item]


def with_layers(artifact: Path, folder: Path, **changes: object) -> Path:
    copied(artifact, folder)
    replace(Manifest.read(folder), **changes).write(folder)  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize(
    ("pooling", "message"),
    [
        ("mean", "has no vectors of tokens, as an older version exported it: export it again"),
        ("cls", "as its pooling, cls, reads [CLS] alone: export it again with tokens=True"),
        ("cls+pooler", "as its pooling, cls+pooler, reads [CLS] alone: export it again with tokens=True"),
    ],
)
def test_an_artifact_without_vectors_of_tokens_says_what_to_do(
    artifact: Path, tmp_path: Path, pooling: str, message: str
) -> None:
    folder = with_layers(artifact, tmp_path / "old", token_layers=[], token_dim=0, pooling=pooling)
    encoder = SentenceEncoder(folder, engine="onnxruntime")
    assert encoder.token_dim == 0
    with pytest.raises(ArtifactError, match=re.escape(message)):
        encoder.encode_tokens(["a"])
    with pytest.raises(ArtifactError, match=re.escape(message)):
        encoder.encode_spans("a", [(0, 1)])


def test_layers_that_the_network_has_not_are_refused(artifact: Path, tmp_path: Path) -> None:
    encoder = SentenceEncoder(with_layers(artifact, tmp_path / "shallow", token_layers=["last"]))
    assert len(encoder.encode_tokens(["Sepsis"])[0]) > 2
    with pytest.raises(ValueError, match=r"layers is 'mean_last_four', but .* has last alone, .* choose layers='last'"):
        encoder.encode_tokens(["Sepsis"], layers="mean_last_four")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token_layers": ["first"]}, r"token_layers is \['first'\], expected some of last, mean_last_four"),
        (
            {"token_dim": 0},
            r"token_layers is \['last', 'mean_last_four'\] and token_dim is 0, expected both or neither",
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    artifact: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    folder = with_layers(artifact, tmp_path / "wrong", **changes)
    with pytest.raises(ArtifactError, match=message):
        Manifest.read(folder)


@each_engine
def test_vectors_of_tokens_of_another_length_than_the_manifest_says_are_refused(
    artifact: Path, tmp_path: Path, engine: str
) -> None:
    folder = with_layers(artifact, tmp_path / "wrong", token_dim=7)
    with pytest.raises(ArtifactError, match=r"expected .* of 7.* manifest say"):
        SentenceEncoder(folder, engine=engine).encode_tokens(["a"])


def test_a_manifest_without_the_graph_of_its_layers_is_refused(artifact: Path, tmp_path: Path) -> None:
    files = {name: record for name, record in Manifest.read(artifact).files.items() if name != "tokens.onnx"}
    with pytest.raises(ArtifactError, match=r"token_layers is .*, but files has no tokens\.onnx"):
        Manifest.read(with_layers(artifact, tmp_path / "wrong", files=files))


def test_a_closed_encoder_gives_no_vectors_of_tokens(artifact: Path) -> None:
    for engine in ("onnxruntime", None):
        encoder = SentenceEncoder(artifact, engine=engine)
        encoder.close()
        with pytest.raises(ValueError, match="the encoder is closed: make a new"):
            encoder.encode_tokens(["a"])
