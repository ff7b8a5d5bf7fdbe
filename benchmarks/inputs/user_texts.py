"""Texts of the user's own, one a line."""

from pathlib import Path

from biobert_onnx.comparison.agreement import LEAST_TEXTS


def read_texts(path: Path) -> list[str]:
    """Read the lines of the file at `path` that are not blank, without the white space around them.

    Raises OSError for a file that cannot be read, ValueError for one that is not UTF-8 or has fewer than 3 texts.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"'{path}' is not UTF-8 at byte {error.start}: convert it to UTF-8") from None
    texts = [line.strip() for line in content.split("\n") if line.strip()]
    if len(texts) < LEAST_TEXTS:
        raise ValueError(f"'{path}' has {len(texts)} texts, expected at least {LEAST_TEXTS}, one a line")
    return texts
