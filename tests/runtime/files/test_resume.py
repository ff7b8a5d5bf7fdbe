"""An interrupted run is taken up again: what was computed is not computed again, and the file gets the same bytes."""

import hashlib
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding.texts import CHUNK_TEXTS
from biobert_onnx.files.encode import Encoded, encode_file
from biobert_onnx.files.formats import open_reader
from biobert_onnx.files.kept_vectors import GROUPS, RUN, VECTORS, kept_folder
from biobert_onnx.files.rows import InputError

TEXTS = [f"Gene number {number} binds." for number in range(2 * CHUNK_TEXTS + 50)]
STOPS_AT = 2 * CHUNK_TEXTS + 7
"""A row of the third group, too long in the run that it interrupts."""

TOO_LONG = "gene " * 600

HAS_PARQUET, NO_PARQUET = find_spec("pyarrow") is not None, "the extra 'parquet' is not installed"


def write(path: Path, texts: Sequence[str]) -> None:
    path.write_text("".join(json.dumps({"id": row, "text": text}) + "\n" for row, text in enumerate(texts)))


def encode(encoder: SentenceEncoder, output: Path, **options: Any) -> Encoded:
    reader = open_reader(str(output.parent / "in.jsonl"))
    return encode_file(encoder, reader, output, **{"long_texts": "error", "resume": True, **options})


@pytest.fixture(scope="module")
def right(encoder: SentenceEncoder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run that nothing interrupts writes, by ending."""
    folder = tmp_path_factory.mktemp("right")
    write(folder / "in.jsonl", TEXTS)
    for ending in ("npy", "jsonl", *(["parquet"] if HAS_PARQUET else [])):
        encode(encoder, folder / f"out.{ending}", resume=False)
    return {path.suffix[1:]: path.read_bytes() for path in folder.glob("out.*")}


@pytest.fixture
def interrupted(encoder: SentenceEncoder, tmp_path: Path) -> Path:
    """An output whose run has ended in the third group of rows; the input is mended."""
    write(tmp_path / "in.jsonl", [*TEXTS[:STOPS_AT], TOO_LONG, *TEXTS[STOPS_AT + 1 :]])
    output = tmp_path / "out.npy"
    with pytest.raises(InputError, match=f"line {STOPS_AT + 1} has more than"):
        encode(encoder, output)
    assert not output.exists()
    write(tmp_path / "in.jsonl", TEXTS)
    return output


@pytest.mark.parametrize(
    "ending", ["npy", "jsonl", pytest.param("parquet", marks=pytest.mark.skipif(not HAS_PARQUET, reason=NO_PARQUET))]
)
def test_the_next_run_goes_on_behind_the_groups_that_are_kept(
    encoder: SentenceEncoder,
    right: dict[str, bytes],
    interrupted: Path,
    ending: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = interrupted.with_suffix(f".{ending}")
    kept_folder(interrupted).rename(kept_folder(output))
    computed: list[str] = []
    token_ids = type(encoder.text_tokenizer).token_ids

    def recording(tokenizer: Any, texts: Sequence[str], **options: Any) -> Any:
        computed.extend(texts)
        return token_ids(tokenizer, texts, **options)

    monkeypatch.setattr(type(encoder.text_tokenizer), "token_ids", recording)
    encoded = encode(encoder, output)
    assert encoded == Encoded(
        texts=len(TEXTS), vectors=len(TEXTS), missing=0, first_missing=None, resumed=2 * CHUNK_TEXTS
    )
    assert output.read_bytes() == right[ending]
    assert sorted(set(computed)) == sorted({*TEXTS[:8], *TEXTS[2 * CHUNK_TEXTS :]})
    assert sorted(path.name for path in output.parent.iterdir()) == ["in.jsonl", output.name]


def test_an_error_names_the_row_of_the_whole_input(encoder: SentenceEncoder, interrupted: Path) -> None:
    write(interrupted.parent / "in.jsonl", [*TEXTS[:-1], TOO_LONG])
    with pytest.raises(InputError, match=f"line {len(TEXTS)} has more than"):
        encode(encoder, interrupted)
    assert kept_folder(interrupted).is_dir()


@pytest.mark.parametrize("name", [VECTORS, GROUPS])
@pytest.mark.parametrize("damage", ["cut", "changed", "removed"])
def test_a_group_that_is_not_whole_is_computed_again(
    encoder: SentenceEncoder, right: dict[str, bytes], interrupted: Path, name: str, damage: str
) -> None:
    path = kept_folder(interrupted) / name
    content = bytearray(path.read_bytes())
    if damage == "removed":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 3])
    else:
        content[-5] ^= 1  # in the last number, or the last digit of the last sha256
        path.write_bytes(content)
    assert encode(encoder, interrupted).resumed == (CHUNK_TEXTS if damage == "changed" else 0)
    assert interrupted.read_bytes() == right["npy"]


def test_nothing_is_left_of_a_run_that_kept_nothing(encoder: SentenceEncoder, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", ["short", TOO_LONG])
    with pytest.raises(InputError, match="line 2"):
        encode(encoder, tmp_path / "out.npy")
    with pytest.raises(ValueError, match="truncate_dim is 0"):
        encode(encoder, tmp_path / "out.npy", truncate_dim=0)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_another_input_is_refused_at_its_first_other_group(encoder: SentenceEncoder, interrupted: Path) -> None:
    write(interrupted.parent / "in.jsonl", ["Another gene.", *TEXTS])
    with pytest.raises(InputError, match=r"has other texts, from line or row 1 on, than when "):
        encode(encoder, interrupted)
    write(interrupted.parent / "in.jsonl", [])
    with pytest.raises(InputError, match=r"has fewer rows than when '.*out.npy.parts' was written: give the one"):
        encode(encoder, interrupted)
    assert kept_folder(interrupted).is_dir()


def test_texts_that_are_read_with_other_quoting_are_refused(encoder: SentenceEncoder, tmp_path: Path) -> None:
    source, output = tmp_path / "in.tsv", tmp_path / "out.npy"
    lines = [f'"gene {number}"' for number in range(2 * CHUNK_TEXTS + 1)]
    source.write_text("\n".join(["text", *lines, f'"{TOO_LONG}"', ""]))
    with pytest.raises(InputError, match=f"line {len(lines) + 2} has more than"):
        encode_file(encoder, open_reader(str(source)), output, resume=True, long_texts="error")
    source.write_text("\n".join(["text", *lines, ""]))
    with pytest.raises(InputError, match=r"has other texts, .* or row 2 on, .* with the options that read it then"):
        encode_file(encoder, open_reader(str(source), quoting="none"), output, resume=True, long_texts="error")
    resumed = encode_file(encoder, open_reader(str(source), quoting="csv"), output, resume=True, long_texts="error")
    assert (resumed.resumed, resumed.vectors) == (2 * CHUNK_TEXTS, len(lines))


@pytest.mark.parametrize("rows", [CHUNK_TEXTS, CHUNK_TEXTS + 1, 2 * CHUNK_TEXTS - 1, len(TEXTS) + 5])
def test_the_last_group_that_is_kept_may_have_changed(
    encoder: SentenceEncoder, interrupted: Path, tmp_path: Path, rows: int
) -> None:
    texts = [*TEXTS[: CHUNK_TEXTS + 3], "Another gene.", *TEXTS, *TEXTS][:rows]
    write(tmp_path / "in.jsonl", texts)
    assert encode(encoder, interrupted).resumed == CHUNK_TEXTS
    encode(encoder, tmp_path / "whole.npy", resume=False)
    assert interrupted.read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"normalize": True}, "normalize=False then, and normalize=True now"),
        ({"truncate_dim": 8}, "truncate_dim=128 then, and truncate_dim=8 now"),
        ({"prompt": "title: "}, "prompt='' then, and prompt='title: ' now"),
        ({"long_texts": "truncate"}, "long_texts='error' then, and long_texts='truncate' now"),
    ],
)
def test_other_options_are_refused(
    encoder: SentenceEncoder, interrupted: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=f"holds vectors of another run, with {said}: give"):
        encode(encoder, interrupted, **options)


def test_other_encoders_are_refused(artifact: Path, interrupted: Path) -> None:
    for options, said in (({"max_length": 64}, "max_length=64"), ({"literal_special_tokens": True}, "tokens=False")):
        with SentenceEncoder(artifact, **options) as other, pytest.raises(ValueError, match=said):
            encode(other, interrupted)


def test_a_damaged_record_of_the_run_is_refused(encoder: SentenceEncoder, interrupted: Path) -> None:
    record = kept_folder(interrupted) / RUN
    for content in (b"{}", b"[1]", b"\xff", b"", None):
        record.unlink() if content is None else record.write_bytes(content)
        with pytest.raises(ValueError, match=r"run.json' cannot be read, or is damaged: remove the folder"):
            encode(encoder, interrupted)


@pytest.mark.parametrize("rows", ["'8'", "8.0", "null", "-1", "0", "1e400", "[8]", "true", str(10**9), str(10**30)])
def test_damaged_numbers_of_rows_end_what_is_kept(
    encoder: SentenceEncoder, right: dict[str, bytes], interrupted: Path, rows: str
) -> None:
    path = kept_folder(interrupted) / GROUPS
    first, second = path.read_text().splitlines()
    path.write_text(first + "\n" + second.replace(f'"rows": {CHUNK_TEXTS}', f'"rows": {rows}') + "\n")
    assert encode(encoder, interrupted).resumed == CHUNK_TEXTS
    assert interrupted.read_bytes() == right["npy"]


def test_a_folder_with_other_things_is_left_alone(encoder: SentenceEncoder, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", ["one"])
    folder, precious = kept_folder(tmp_path / "out.npy"), tmp_path / "precious"
    precious.write_text("precious")
    folder.mkdir()
    for name in ("thesis.txt", VECTORS):
        (folder / name).symlink_to(precious)
        with pytest.raises(ValueError, match=f"parts' holds '{name}', which is no file of kept vectors: move it"):
            encode(encoder, tmp_path / "out.npy")
        assert (folder / name).is_symlink() and precious.read_text() == "precious"
        (folder / name).unlink()
    folder.rmdir()
    for make in (folder.touch, lambda: folder.symlink_to(tmp_path)):
        make()
        with pytest.raises(ValueError, match=r"out.npy.parts' is in the way of the folder for the vectors: move it"):
            encode(encoder, tmp_path / "out.npy")
        folder.unlink()
    assert not (tmp_path / "out.npy").exists()


def test_vectors_of_another_cpu_are_refused(encoder: SentenceEncoder, interrupted: Path) -> None:
    folder = kept_folder(interrupted)
    vectors = np.fromfile(folder / VECTORS, dtype=np.float32)
    vectors[3] = np.nextafter(vectors[3], np.float32(9))
    vectors.tofile(folder / VECTORS)
    first, *rest = [json.loads(line) for line in (folder / GROUPS).read_text().splitlines()]
    first["vectors_sha256"] = hashlib.sha256(vectors[: first["rows"] * encoder.dim].tobytes()).hexdigest()
    (folder / GROUPS).write_text("".join(json.dumps(group) + "\n" for group in (first, *rest)))
    with pytest.raises(ValueError, match="have other bits than those that are computed now"):
        encode(encoder, interrupted)


def test_only_one_process_goes_on(encoder: SentenceEncoder, interrupted: Path) -> None:
    fcntl = pytest.importorskip("fcntl", reason="this system has no such locks")
    with (kept_folder(interrupted) / GROUPS).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with pytest.raises(ValueError, match="is in use: another process writes"):
            encode(encoder, interrupted)
    assert encode(encoder, interrupted).resumed == 2 * CHUNK_TEXTS
