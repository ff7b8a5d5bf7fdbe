"""What is right of a text that is read only until it surely has more tokens than a limit."""

from collections.abc import Sequence


def expect_limited(found: Sequence[int], whole: Sequence[int], limit: int) -> None:
    """Expect the ids `found` of a text whose ids are `whole`: all of them, or more than `limit` and the last one."""
    if len(whole) <= limit:
        assert list(found) == whole
    else:
        assert len(found) > limit
        assert list(found[:-1]) == whole[: len(found) - 1]
        assert found[-1] == whole[-1]
