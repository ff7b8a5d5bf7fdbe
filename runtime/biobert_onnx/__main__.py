"""`python -m biobert_onnx` is the command `biobert-onnx`."""

import sys

from biobert_onnx.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
