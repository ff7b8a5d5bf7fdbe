"""Chunks of texts: few texts, few characters, all of them, in order."""

from biobert_onnx.encoding.texts import CHUNK_CHARACTERS, CHUNK_TEXTS, chunks


def test_chunks_hold_few_texts_and_few_characters_and_all_of_them_in_order() -> None:
    texts = (
        [str(index) for index in range(3000)] + ["x" * (CHUNK_CHARACTERS // 2)] * 5 + ["y" * CHUNK_CHARACTERS, "last"]
    )
    parts = [chunk.texts for chunk in chunks(iter(texts))]
    assert [text for part in parts for text in part] == texts
    assert max(map(len, parts)) == CHUNK_TEXTS
    assert all(sum(map(len, part[:-1])) < CHUNK_CHARACTERS for part in parts)


def test_no_texts_are_no_chunks() -> None:
    assert list(chunks([])) == []


def test_chunks_end_where_an_array_ends() -> None:
    sizes = [len(chunk.texts) for chunk in chunks(map(str, range(5000)), aligned_to=1500)]
    assert sizes == [1024, 476] * 3 + [500]


def test_no_text_is_read_before_a_chunk_is_asked_for() -> None:
    read: list[int] = []
    texts = (read.append(number) or str(number) for number in range(10))  # type: ignore[func-returns-value]
    parts = chunks(texts, aligned_to=4)
    assert read == []
    next(parts)
    assert read == [0, 1, 2, 3]
