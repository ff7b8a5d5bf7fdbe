"""`encode`: formats, missing texts and paths, as options of the command."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.cli.main import main
from tests.runtime.cli.command import refused, run
from tests.runtime.files.inputs import PACKERS, written
from tests.support.engines import each_engine
from tests.support.systems import needs_pipes

TEXTS = ["gene; protein", "tumour"]
CONTENT = {
    "text": "gene; protein\ntumour\n",
    "jsonl": '{"text": "gene; protein"}\n{"text": "tumour"}\n',
    "csv": 'id,text\r\n1,"gene; protein"\r\n2,tumour\r\n',
    "tsv": "id\ttext\n1\tgene; protein\n2\ttumour\n",
}


@pytest.mark.parametrize("kind", CONTENT)
def test_standard_input_is_read_in_the_format_that_is_given(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, kind: str
) -> None:
    done = run("encode", artifact, "-", "-o", tmp_path / "out.npy", "--format", kind, stdin=CONTENT[kind].encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert (np.load(tmp_path / "out.npy") == encoder.encode(TEXTS)).all()


@pytest.mark.parametrize("output", ["out.jsonl", "out.parquet"])
def test_csv_of_standard_input_keeps_its_columns(artifact: Path, tmp_path: Path, output: str) -> None:
    if output.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    stdin = CONTENT["csv"].encode()
    done = run("encode", artifact, "-", "-o", tmp_path / output, "--format", "csv", stdin=stdin)
    assert (done.returncode, done.stderr) == (0, b"")
    if output == "out.jsonl":
        rows = [json.loads(line) for line in (tmp_path / output).read_text().splitlines()]
        assert [(row["id"], row["text"]) for row in rows] == [("1", TEXTS[0]), ("2", TEXTS[1])]
    else:
        from pyarrow import parquet

        assert parquet.read_table(tmp_path / output).drop(["embedding"]).to_pydict() == {
            "id": ["1", "2"],
            "text": TEXTS,
        }


@pytest.mark.parametrize(
    ("kind", "option"), [("jsonl", "--format 'jsonl'"), ("csv", "--format 'csv'"), ("tsv", "--format 'tsv'")]
)
def test_standard_input_that_looks_like_another_format_is_warned_of_and_read_as_text(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, kind: str, option: str
) -> None:
    done = run("encode", artifact, "-", "-o", tmp_path / "out.npy", stdin=CONTENT[kind].encode())
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 0 and option in line and "standard input is read as text, one a line" in line
    assert (np.load(tmp_path / "out.npy") == encoder.encode(CONTENT[kind].splitlines())).all()


@pytest.mark.parametrize("packed", PACKERS)
def test_a_packed_table_is_encoded_by_its_name(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, packed: str
) -> None:
    source = written(tmp_path / f"notes.csv{packed}", CONTENT["csv"])
    assert run("encode", artifact, source, "-o", tmp_path / "out.npy").returncode == 0
    assert (np.load(tmp_path / "out.npy") == encoder.encode(TEXTS)).all()


@pytest.mark.parametrize(
    ("delimiter", "given", "mark", "end"),
    [(";", "';'", "\ufeff", "\r\n"), ("\t", r"'\t'", "", "\n"), ("|", "'|'", "\ufeff", "\n")],
)
def test_a_table_with_another_delimiter_says_the_option_that_reads_it(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, delimiter: str, given: str, mark: str, end: str
) -> None:
    rows = (["id", "text"], ["1", f'"{TEXTS[0]}"'], ["2", TEXTS[1]])
    source = written(tmp_path / "in.csv", mark + "".join(delimiter.join(row) + end for row in rows))
    arguments = ("encode", artifact, source, "-o", tmp_path / "out.npy")
    assert f"looks separated by {given}: read it with --delimiter {given}" in refused(2, *arguments)
    assert run(*arguments, "--delimiter", given.strip("'")).returncode == 0
    assert (np.load(tmp_path / "out.npy") == encoder.encode(TEXTS)).all()


def test_a_table_without_quoting_says_the_option_that_reads_it(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    source = written(tmp_path / "in.tsv", 'id\ttext\n1\t"gene\n2\tprotein"\n')
    arguments = ("encode", artifact, source, "-o", tmp_path / "out.npy")
    message = refused(1, *arguments)
    assert "line 2 has a quote" in message and "--quoting 'none'" in message and "--quoting 'csv'" in message
    for quoting, texts in (("none", ['"gene', 'protein"']), ("csv", ["gene\n2\tprotein"])):
        assert run(*arguments, "--quoting", quoting).returncode == 0
        assert (np.load(tmp_path / "out.npy") == encoder.encode(texts)).all()


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("place", [0, 1024, 1199])
def test_one_text_that_is_missing_need_not_end_a_run(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, kind: str, place: int
) -> None:
    pandas = pytest.importorskip("pandas")
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    texts: list[str | None] = [f"gene {number}" for number in range(1200)]
    texts[place] = None
    table, source = pandas.DataFrame({"text": texts, "n": range(1200)}), tmp_path / f"in.{kind}"
    {
        "jsonl": lambda: table.to_json(source, orient="records", lines=True),
        "csv": lambda: table.to_csv(source),
        "parquet": lambda: table.to_parquet(source),
    }[kind]()
    arguments = ("encode", artifact, source, "-o", tmp_path / "out.npy")
    expected = encoder.encode([text or "" for text in texts])
    if kind == "csv":
        assert run(*arguments).returncode == 0
    else:
        number = f"row {place + 1}" if kind == "parquet" else f"line {place + 1}"
        line = refused(1, *arguments)
        assert (
            f"in.{kind}', {number}: 'text' is null" in line and "choose --missing 'skip' or --missing 'empty'" in line
        )
    done = run(*arguments, "--missing", "empty")
    assert (np.load(tmp_path / "out.npy") == expected).all()
    assert (b"1 row without a text encoded as the empty text, first" in done.stderr) == (kind != "csv")
    done = run(*arguments, "--missing", "skip")
    assert (np.load(tmp_path / "out.npy") == np.delete(expected, place, axis=0)).all()
    assert b"1 row without a text left out, first" in done.stderr and b"1,199 vectors" in done.stdout


def test_the_number_of_vectors_agrees_with_its_noun(artifact: Path, tmp_path: Path) -> None:
    arguments = ("encode", artifact, "-", "-o", tmp_path / "out.npy", "--truncate-dim", "1")
    assert "out.npy: 1 vector of 1 dimension, engine" in run(*arguments, stdin=b"a\n").stdout.decode()
    assert "out.npy: 2 vectors of 1 dimension, engine" in run(*arguments, stdin=b"a\nb\n").stdout.decode()


@each_engine
def test_the_last_line_names_the_engine(artifact: Path, tmp_path: Path, engine: str) -> None:
    done = run("encode", artifact, "-", "-o", tmp_path / "out.npy", "--engine", engine, stdin=b"a\n")
    assert done.stdout.decode().endswith(f", engine {engine}\n")
    assert (np.load(tmp_path / "out.npy") == SentenceEncoder(artifact, engine=engine).encode(["a"])).all()


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_the_input_is_never_replaced(artifact: Path, tmp_path: Path, link: object) -> None:
    source = written(tmp_path / "in.jsonl", CONTENT["jsonl"])
    output = source
    if callable(link):
        output = tmp_path / "out.jsonl"
        link(output, source)
    assert "is the input, too" in refused(2, "encode", artifact, source, "-o", output)
    assert source.read_text() == CONTENT["jsonl"]


def test_an_output_that_exists_is_replaced(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "out.npy").write_bytes(b"old")
    assert run("encode", artifact, "-", "-o", tmp_path / "out.npy", stdin=b"a\n").returncode == 0
    assert np.load(tmp_path / "out.npy").shape[0] == 1


def test_names_that_are_empty_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here, out = str(tmp_path), str(tmp_path / "out.npy")
    for arguments in (
        ["encode", "", "-", "-o", out],
        ["encode", here, "-", "-o", ""],
        ["encode", here, "", "-o", out],
        ["info", ""],
        ["export", "", here],
        ["export", here, ""],
        ["bundle", here, ""],
        ["prepack", here, "--into", ""],
    ):
        assert code_of(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "the name is empty" in line or "the input has no name" in line


def code_of(arguments: list[str]) -> int:
    """The exit code of the command, run in this process."""
    try:
        return main(arguments)
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code


@needs_pipes
def test_what_is_no_file_is_named_as_what_it_is(artifact: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    arguments = ("-o", tmp_path / "out.npy")
    assert "is no regular file: use - for standard input" in refused(
        2, "encode", artifact, tmp_path / "pipe", *arguments
    )
    assert "is no regular file: use - for standard input" in refused(2, "encode", artifact, "/dev/stdin", *arguments)
    assert "is a folder" in refused(2, "encode", artifact, ".", *arguments)


@needs_pipes
def test_an_output_that_is_no_file_is_refused_before_any_work(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path / "in.txt", "gene\n")
    os.mkfifo(tmp_path / "out.npy")
    for name in ("loop.npy", "loop.zip", "loop"):
        (tmp_path / name).symlink_to(name)
    for arguments, reason in (
        (("encode", artifact, source, "-o", tmp_path / "out.npy"), "is no regular file"),
        (("encode", artifact, source, "-o", tmp_path / "loop.npy"), "leads in a circle"),
        (("bundle", artifact, tmp_path / "loop.zip"), "leads in a circle"),
        (("prepack", artifact, "--into", tmp_path / "loop"), "leads in a circle"),
    ):
        assert main([*map(str, arguments)]) == 2
        assert reason in capsys.readouterr().err
    assert (tmp_path / "out.npy").is_fifo()


def test_options_are_named_as_the_command_has_them(artifact: Path, tmp_path: Path) -> None:
    source = written(tmp_path / "in.csv", "text\na\n")
    arguments = ("encode", artifact, source, "-o", tmp_path / "out.npy")
    assert "--delimiter is ';;', expected one character" in refused(2, *arguments, "--delimiter", ";;")
    assert "--field does not go with" in refused(2, *arguments, "--field", "text")
    assert "--threads is 0, expected" in refused(2, *arguments, "--threads", "0")
    assert "--truncate-dim is 0, expected" in refused(2, *arguments, "--truncate-dim", "0")


def test_special_tokens_in_texts_are_plain_text_when_asked_for(artifact: Path, tmp_path: Path) -> None:
    source, texts = tmp_path / "notes.txt", ["gene [SEP] protein", "tumour"]
    source.write_text("\n".join(texts) + "\n", encoding="utf-8")
    done = run("encode", artifact, source, "-o", tmp_path / "out.npy", "--literal-special-tokens")
    assert (done.returncode, done.stderr) == (0, b"")
    expected = SentenceEncoder(artifact, literal_special_tokens=True).encode(texts)
    assert (np.load(tmp_path / "out.npy") == expected).all()
