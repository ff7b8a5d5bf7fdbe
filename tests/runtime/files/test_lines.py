"""Lines of text: packed files, damage, encodings, sizes."""

import random
from pathlib import Path

import pytest

from biobert_onnx.files import lines
from biobert_onnx.files.formats import open_reader
from biobert_onnx.files.rows import InputError
from tests.runtime.files.inputs import PACKERS, texts, written
from tests.support.systems import NO_LIMITS

CONTENT = {
    ".txt": "Sepsis\n\nTNF-α\n",
    ".jsonl": '{"text": "Sepsis"}\n\n{"text": ""}\n{"text": "TNF-α"}\n',
    ".ndjson": '{"text": "Sepsis"}\n{"text": ""}\n{"text": "TNF-α"}\n',
    ".csv": '\ufeffid,text\r\n1,Sepsis\r\n2,\r\n3,"TNF-α"\r\n',
    ".tsv": "id\ttext\n1\tSepsis\n2\t\n3\tTNF-α\n",
}


def noise(count: int) -> str:
    """Lines that cannot be packed to much less than half their size."""
    draw = random.Random(count)
    return "".join(f"{draw.getrandbits(160):x}\n" for _ in range(count))


@pytest.mark.parametrize("ending", CONTENT)
@pytest.mark.parametrize("packed", ["", *PACKERS, ".GZ"])
def test_a_packed_file_is_read_by_the_ending_before(tmp_path: Path, ending: str, packed: str) -> None:
    path = written(tmp_path / f"notes.v1{ending}{packed.lower()}", CONTENT[ending])
    assert texts(path.rename(tmp_path / f"notes.v1{ending}{packed}")) == ["Sepsis", "", "TNF-α"]


@pytest.mark.parametrize("packed", PACKERS)
def test_members_that_follow_each_other_are_one_file(tmp_path: Path, packed: str) -> None:
    data = PACKERS[packed](b"one\n") + PACKERS[packed](b"two\n")
    path = tmp_path / f"a.txt{packed}"
    path.write_bytes(data)
    assert texts(path) == ["one", "two"]


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("ending", [".txt", ".jsonl", ".csv"])
@pytest.mark.parametrize("left", [0, 1, 5, 0.5, 0.99])
def test_a_packed_file_that_is_cut_off_is_an_error_that_names_it(
    tmp_path: Path, packed: str, ending: str, left: float
) -> None:
    row = {".txt": "text {}", ".jsonl": '{{"text": "{}"}}', ".csv": "{}"}[ending]
    content = "text\n" * (ending == ".csv") + "".join(row.format(line) + "\n" for line in noise(2000).split())
    path = written(tmp_path / f"a{ending}{packed}", content)
    data = path.read_bytes()
    path.write_bytes(data[: int(left * len(data)) if left < 1 else int(left)])
    with pytest.raises(
        InputError, match=rf"a{ending}{packed}' is damaged or not whole after line \d+ \(.+\): fetch it"
    ):
        texts(path)


@pytest.mark.parametrize("packed", PACKERS)
def test_damaged_bytes_in_a_packed_file_are_an_error_that_names_it(tmp_path: Path, packed: str) -> None:
    path = written(tmp_path / f"a.txt{packed}", noise(2000))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.txt\.\w+'( is damaged or not whole after line|, line \d+ is no UTF-8)"):
        texts(path)


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("bit", range(8))
def test_a_damaged_second_member_is_an_error_and_no_end(tmp_path: Path, packed: str, bit: int) -> None:
    second = bytearray(PACKERS[packed](b"two\n" * 1000))
    second[1] ^= 1 << bit  # in the magic number: the rest looks like no member at all
    path = tmp_path / f"a.txt{packed}"
    path.write_bytes(PACKERS[packed](b"one\n") + second)
    with pytest.raises(InputError, match=r"is damaged or not whole after line \d \("):
        texts(path)


@pytest.mark.parametrize("packed", PACKERS)
def test_garbage_after_the_last_member_is_an_error(tmp_path: Path, packed: str) -> None:
    path = tmp_path / f"a.txt{packed}"
    path.write_bytes(PACKERS[packed](b"one\n") + b"garbage")
    with pytest.raises(InputError, match="is damaged or not whole after line"):
        texts(path)


@pytest.mark.parametrize("zeros", [4, 200_000])
def test_zeros_between_the_streams_of_xz_are_padding(tmp_path: Path, zeros: int) -> None:
    path = tmp_path / "a.txt.xz"
    path.write_bytes(PACKERS[".xz"](b"one\n") + b"\0" * zeros + PACKERS[".xz"](b"two\n") + b"\0" * zeros)
    assert texts(path) == ["one", "two"]


@pytest.mark.parametrize("packed", PACKERS)
def test_what_is_not_packed_at_all_is_an_error_that_names_it(tmp_path: Path, packed: str) -> None:
    path = tmp_path / f"a.txt{packed}"
    path.write_bytes(b"Sepsis\n" * 10)
    with pytest.raises(InputError, match=r"is damaged or not whole after line 0 \("):
        texts(path)


def test_the_share_grows_to_the_whole_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "12345\n" * 4)
    assert [rows.share for rows in open_reader(str(path)).groups(max_rows=2)] == [0.5, 1.0]


@pytest.mark.parametrize("packed", PACKERS)
def test_the_share_of_a_packed_file_is_of_its_packed_bytes(tmp_path: Path, packed: str) -> None:
    path = written(tmp_path / f"a.txt{packed}", noise(50_000))
    shares = [rows.share or 0.0 for rows in open_reader(str(path)).groups(max_rows=1000)]
    assert shares == sorted(shares) and 0 < shares[0] < 0.5 and shares[-1] == 1.0


@pytest.mark.parametrize(
    ("suffix", "start", "end"), [(".txt", "", ""), (".jsonl", '{"text": "', '"}'), (".csv", 'text\n"', '"')]
)
def test_a_line_of_a_megabyte_is_read_whole(tmp_path: Path, suffix: str, start: str, end: str) -> None:
    long = "a" * 2**20
    assert texts(written(tmp_path / f"a{suffix}", start + long + end)) == [long]


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.txt", "ok\n"), ("a.jsonl", '{"text": "ok"}\n'), ("a.csv", "text\nok\n"), ("a.txt.gz", "ok\n")],
)
def test_a_line_beyond_the_bound_is_refused_by_its_number_in_bounded_memory(
    tmp_path: Path, name: str, start: str
) -> None:
    path = written(tmp_path / name, start.encode() + b"a" * (lines.MAX_LINE_BYTES + 10))
    resource = pytest.importorskip("resource", reason=NO_LIMITS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"line [23] has more than 67,108,864 bytes: break it up"):
        texts(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * lines.MAX_LINE_BYTES / 1024


def test_a_quote_that_is_never_closed_does_not_take_the_whole_file_into_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b'text\n"' + b"a" * 99 + b"\n" + (b"a" * 99 + b"\n") * 700_000)
    with pytest.raises(InputError, match=r"is no CSV \(field larger than field limit \(67108864\)\)"):
        texts(path)


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
def test_bytes_that_are_no_utf8_are_named_by_line_and_place(tmp_path: Path, suffix: str) -> None:
    start = {".txt": b"a\n", ".jsonl": b'{"text": "a"}\n', ".csv": b"text\n"}[suffix]
    path = written(tmp_path / f"a{suffix}", start + b"d\xe9j\xe0 vu\n")
    message = "line 2 is no UTF-8 text: byte 2 of the line is 0xe9: convert the file, for example by iconv -f cp1252 -t"
    with pytest.raises(InputError, match=message):
        texts(path)


def test_the_encoding_that_is_advised_keeps_quotes_dashes_and_the_euro_sign(tmp_path: Path) -> None:
    text = "\u201cp53\u201d \u2013 the guardian\u2019s price: 5 \u20ac, d\xe9j\xe0 vu"
    path = written(tmp_path / "a.txt", text.encode("cp1252") + b"\n")
    with pytest.raises(InputError, match=r"iconv -f cp1252 -t utf-8") as error:
        texts(path)
    encoding = str(error.value).partition("iconv -f ")[2].split()[0]
    assert texts(written(path, path.read_bytes().decode(encoding))) == [text]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_told_by_its_mark(tmp_path: Path, encoding: str) -> None:
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    path = written(tmp_path / "a.txt", mark + "text".encode(encoding))
    with pytest.raises(InputError, match=r"line 1 is no UTF-8 text: .* iconv -f utf-16 -t utf-8"):
        texts(path)


@pytest.mark.parametrize(("packed", "program"), [(".gz", "gzip"), (".bz2", "bzip2"), (".xz", "xz")])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv"])
def test_a_packed_file_without_its_ending_is_told_by_its_first_bytes(
    tmp_path: Path, name: str, packed: str, program: str
) -> None:
    path = tmp_path / name
    path.write_bytes(PACKERS[packed](noise(10).encode()))
    message = rf"{name}' is packed by {program}, .* unpack it by {program} -dc, or name a file that ends in \{packed}$"
    with pytest.raises(InputError, match=message):
        texts(path)


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.txt.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("text", ["text", "d\xe9j\xe0 vu"])
@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE"])
def test_utf_16_without_a_mark_is_told_by_its_zeros(
    tmp_path: Path, name: str, end: str, text: str, encoding: str
) -> None:
    path = written(tmp_path / name, f"{text}{end}gene{end}".encode(encoding))
    with pytest.raises(InputError, match=rf"line 1 is no UTF-8 text: .* iconv -f {encoding} -t utf-8"):
        texts(path)


@pytest.mark.parametrize("text", ["\0", "a\0", "\0a", "gene\0protein\0", "\0\0\0\0"])
def test_a_stray_nul_is_a_character_of_a_text(tmp_path: Path, text: str) -> None:
    assert texts(written(tmp_path / "a.txt", f"{text}\n{text}\n")) == [text, text]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "a\rb\rc\r"),
        ("a.txt", "a\rb"),
        ("a.jsonl", '{"text": "a"}\r{"text": "b"}\r'),
        ("a.csv", "id,text\r1,a\r"),
        ("a.csv", '"text"\r"a"\r'),
        ("a.tsv.gz", "id\ttext\r1\ta\r"),
    ],
)
def test_line_ends_of_old_macs_are_refused_with_what_converts_them(tmp_path: Path, name: str, content: str) -> None:
    message = rf"{name}' has carriage returns and no line feed, .* convert the line ends, for example by tr '\\r' '\\n'"
    with pytest.raises(InputError, match=message):
        texts(written(tmp_path / name, content))


@pytest.mark.parametrize("content", ["a\r", "a\rb\n", "a\nb\rc"])
def test_a_carriage_return_elsewhere_is_no_line_end_of_old_macs(tmp_path: Path, content: str) -> None:
    assert texts(written(tmp_path / "a.txt", content)) == content.removesuffix("\r").removesuffix("\n").split("\n")
