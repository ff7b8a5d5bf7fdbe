"""`encode --tokens`: lists in Parquet, the same vectors as the call's, and options that do not go together."""

from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx.cli.main import main
from tests.runtime.cli.command import refused

parquet = pytest.importorskip("pyarrow.parquet")

TEXTS = ["Loss of Il6 in mice", "", "Sepsis"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.txt"
    path.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ([], {}),
        (["--layers", "mean_last_four", "--prompt", "Title: "], {"layers": "mean_last_four", "prompt": "Title: "}),
        (["--words"], {"words": True}),
        (["--words", "first"], {"words": True, "word_pooling": "first"}),
        (["--long-texts", "window", "--max-length", "4"], {"long_texts": "window"}),
    ],
)
def test_a_row_has_the_lists_of_its_texts_tokens(
    artifact: Path, encoder: SentenceEncoder, source: Path, tmp_path: Path, options: list[str], asked: dict[str, object]
) -> None:
    output = tmp_path / "out.parquet"
    assert main(["encode", str(artifact), str(source), "-o", str(output), "--tokens", "-q", *options]) == 0
    table = parquet.read_table(output)
    assert str(table.schema.field("token_embeddings").type).endswith(
        f"fixed_size_list<element: float>[{encoder.token_dim}]>"
    )
    assert table.schema.metadata[b"embedding_layers"].decode() == asked.get("layers", "last")
    with SentenceEncoder(artifact, max_length=4 if "--max-length" in options else None) as same:
        items = same.encode_tokens(TEXTS, **asked)  # type: ignore[arg-type]
    for text, row, item in zip(TEXTS, table.to_pylist(), items, strict=True):
        assert row["text"] == text
        assert np.array_equal(
            np.array(row["token_embeddings"], np.float32).reshape(item.embeddings.shape), item.embeddings
        )
        assert row["token_offsets"] == item.offsets.tolist()
        assert (row["token_word_ids"], row["token_special"]) == (item.word_ids.tolist(), item.special.tolist())
        assert row["tokens"] == [text[start:end] for start, end in item.offsets]


def test_more_rows_than_a_group_stay_in_order(artifact: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(300)]
    (tmp_path / "in.txt").write_text("\n".join(texts))
    output = tmp_path / "out.parquet"
    assert main(["encode", str(artifact), str(tmp_path / "in.txt"), "-o", str(output), "--tokens", "-q"]) == 0
    table = parquet.read_table(output)
    assert table["text"].to_pylist() == texts
    (last,) = encoder.encode_tokens(texts[-1:])
    assert np.array_equal(np.array(table["token_embeddings"][299].as_py(), np.float32), last.embeddings)


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("o.npy", ["--tokens"], "o.npy' should end in .parquet: no other format here holds lists of vectors"),
        ("o.jsonl", ["--tokens"], "o.jsonl' should end in .parquet"),
        ("o.parquet", ["--words"], "--words is for vectors of tokens: add --tokens, or leave it out"),
        ("o.parquet", ["--layers", "last"], "--layers is for vectors of tokens: add --tokens, or leave it out"),
        ("o.parquet", ["--tokens", "--normalize"], "--normalize does not go with --tokens"),
        ("o.parquet", ["--tokens", "--truncate-dim", "3"], "--truncate-dim does not go with --tokens"),
        ("o.parquet", ["--tokens", "--pair-column", "text"], "--pair-column does not go with --tokens"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    artifact: Path, source: Path, tmp_path: Path, output: str, options: list[str], message: str
) -> None:
    assert message in refused(2, "encode", artifact, source, "-o", tmp_path / output, *options)
    assert not (tmp_path / output).exists()


def test_a_bad_row_is_named_and_nothing_is_left(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "Sepsis"}\n{"text": null}\n')
    output = tmp_path / "o.parquet"
    assert "line 2: 'text' is null" in refused(1, "encode", artifact, tmp_path / "in.jsonl", "-o", output, "--tokens")
    (tmp_path / "in.jsonl").write_text('{"text": "Sepsis"}\n{"text": "one two three four five six seven"}\n')
    options = ["--tokens", "--long-texts", "error", "--max-length", "8"]
    assert "line 2 has more than 8 tokens" in refused(
        1, "encode", artifact, tmp_path / "in.jsonl", "-o", output, *options
    )
    assert not output.exists()


def test_a_column_of_an_outputs_name_is_refused(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,tokens\nSepsis,1\n")
    message = refused(1, "encode", artifact, tmp_path / "in.csv", "-o", tmp_path / "o.parquet", "--tokens")
    assert "'tokens' already, where the vectors would go: rename or drop it" in message


def test_info_says_which_vectors_of_tokens_there_are(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(artifact)]) == 0
    manifest = Manifest.read(artifact)
    assert f"vectors of tokens: last, mean_last_four, {manifest.token_dim} dimensions\n" in capsys.readouterr().out
