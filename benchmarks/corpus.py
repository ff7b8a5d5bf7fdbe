"""The project's own text, for programs that need something to encode."""

from importlib.resources import files


def bundled_texts() -> list[str]:
    """The bundled biomedical texts, in file order."""
    return files("biobert_onnx_export").joinpath("text", "biomedical.txt").read_text(encoding="utf-8").splitlines()
