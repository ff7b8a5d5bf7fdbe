"""What `encode_groups` promises: each group with the vectors of its texts, and how far it is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder, TextTooLongError, TruncationWarning
from tests.support.texts import TEXTS


@dataclass(frozen=True)
class Page:
    """Texts with a number beside them."""

    number: int
    texts: list[str]


def pages(size: int) -> list[Page]:
    return [Page(start, list(TEXTS[start : start + size])) for start in range(0, len(TEXTS), size)]


@pytest.mark.parametrize("size", [1, 5, 100])
def test_each_group_comes_with_the_bits_of_encode(encoder: SentenceEncoder, size: int) -> None:
    found = list(encoder.encode_groups(pages(size)))
    assert [page for page, _ in found] == pages(size)
    assert (np.vstack([vectors for _, vectors in found]) == encoder.encode(TEXTS)).all()


def test_options_are_checked_at_the_call(encoder: SentenceEncoder) -> None:
    with pytest.raises(ValueError, match="truncate_dim is 0"):
        encoder.encode_groups(pages(5), truncate_dim=0)
    with pytest.raises(ValueError, match="long_texts is 'cut'"):
        encoder.encode_groups(pages(5), long_texts="cut")


def test_an_empty_group_has_no_vectors(encoder: SentenceEncoder) -> None:
    ((_, vectors),) = encoder.encode_groups([Page(0, [])])
    assert vectors.shape == (0, encoder.dim)


def test_progress_tells_the_share_of_each_groups_tokens(encoder: SentenceEncoder) -> None:
    told: list[tuple[int, float]] = []
    groups = encoder.encode_groups(pages(6), progress=lambda page, share: told.append((page.number, share)))
    for page, _ in groups:
        shares = [share for number, share in told if number == page.number]
        assert shares == sorted(shares)
        assert shares[-1] == 1
        assert len(shares) > 1


def test_an_error_names_the_place_over_all_groups(encoder: SentenceEncoder) -> None:
    long = Page(7, ["fine", "word " * 600])
    groups = encoder.encode_groups([*pages(5), long], long_texts="error")
    with pytest.raises(TextTooLongError) as caught:
        list(groups)
    assert caught.value.index == len(TEXTS) + 1


def test_texts_that_were_cut_are_counted_over_all_groups(encoder: SentenceEncoder) -> None:
    long = Page(7, ["word " * 600])
    with pytest.warns(TruncationWarning, match=rf"^2 of {len(TEXTS) + 2} texts") as record:
        list(encoder.encode_groups([long, *pages(5), long]))
    assert record[0].filename == __file__


def test_one_group_is_read_ahead(encoder: SentenceEncoder) -> None:
    read: list[int] = []

    def endless() -> Iterator[Page]:
        for number in range(1000):
            read.append(number)
            yield Page(number, ["Sepsis"])

    groups = encoder.encode_groups(endless())
    assert read == []
    next(groups)
    groups.close()
    assert len(read) <= 2
