"""Sessions: opened when they are needed, shared by threads, closed."""

import asyncio
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.artifact.paths import ENCODER_GRAPH, WEIGHTS
from biobert_onnx.encoding.sessions import Sessions
from biobert_onnx.errors import ArtifactError
from tests.support.systems import proc
from tests.support.texts import TEXTS


def in_threads(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_eight_threads_share_one_new_encoder(artifact: Path, encoder: SentenceEncoder) -> None:
    expected, shared = encoder.encode(TEXTS), SentenceEncoder(artifact, threads=2)
    equal: list[bool] = []

    def work() -> None:
        for _ in range(5):
            equal.append(bool((shared.encode(TEXTS) == expected).all()))
            equal.append(bool((shared.encode(TEXTS[:1]) == expected[:1]).all()))

    in_threads(work, 8)
    assert equal == [True] * 80


def test_the_first_text_and_every_later_one_get_the_same_bits(artifact: Path, encoder: SentenceEncoder) -> None:
    expected = encoder.encode(TEXTS)
    for threads in (1, 2, 3):
        other = SentenceEncoder(artifact, threads=threads)
        for row, text in enumerate(TEXTS):
            assert (other.encode([text]) == expected[row]).all()


def test_a_closed_encoder_refuses_to_encode(artifact: Path) -> None:
    with SentenceEncoder(artifact) as encoder:
        encoder.encode(["a"])
    calls: list[Callable[[list[str]], object]] = [encoder.encode, encoder.encode_stream, encoder.encode_tokens]
    for call in calls:
        for texts in (["a"], []):
            with pytest.raises(ValueError, match="the encoder is closed: make a new"):
                call(texts)
    with pytest.raises(ValueError, match="the encoder is closed: make a new"):
        asyncio.run(encoder.aencode([]))


def own_threads() -> int:
    return len(list(proc("self/task").iterdir()))


def test_closing_gives_the_sessions_threads_back(artifact: Path) -> None:
    before = own_threads()
    with SentenceEncoder(artifact, threads=4, engine="onnxruntime") as encoder:
        for _ in range(3):
            encoder.encode(["a"])
        assert own_threads() > before
    assert own_threads() == before


def test_a_run_that_races_with_close_keeps_no_session(artifact: Path, encoder: SentenceEncoder) -> None:
    ids = np.array([[2, 3]], dtype=np.int64)
    for _ in range(20):
        sessions = Sessions(artifact / ENCODER_GRAPH, dim=encoder.dim, threads=2, quick_start=True)
        refused: list[str] = []

        def run(sessions: Sessions = sessions, refused: list[str] = refused) -> None:
            try:
                while True:
                    sessions.run(ids, 1)
            except ValueError as error:
                refused.append(str(error))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        sessions.close()
        for thread in threads:
            thread.join()
        assert len(refused) == 4
        assert (sessions._sessions, sessions._first) == ({}, None)


def replace_by_other_weights(folder: Path) -> None:
    folder.rename(folder.with_name("old"))
    shutil.copytree(folder.with_name("old"), folder)
    weights = bytearray((folder / WEIGHTS).read_bytes())
    weights[len(weights) // 2] ^= 1
    (folder / WEIGHTS).write_bytes(weights)


def move_away(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))


@pytest.mark.parametrize("change", [replace_by_other_weights, move_away, shutil.rmtree])
def test_files_that_changed_are_refused_and_not_mixed_with_those_before(
    change: Callable[[Path], None], artifact: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(artifact, tmp_path / "artifact"))
    with SentenceEncoder(copy, engine="onnxruntime", threads=2) as encoder:
        encoder.encode(TEXTS[:1])
        change(copy)
        with pytest.raises(ArtifactError, match="was replaced, moved or deleted after this encoder was opened"):
            encoder.encode(TEXTS)
    if copy.exists():
        SentenceEncoder(copy, engine="onnxruntime").encode(TEXTS)
