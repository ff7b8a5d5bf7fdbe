"""The command `biobert-onnx`: arguments in, files and lines of text out.

One module a command: `add` sets up its arguments, `run` does it. `main` is the entry point.
May import every other folder; nothing imports this one.
"""

from biobert_onnx.cli.main import main

__all__ = ["main"]
