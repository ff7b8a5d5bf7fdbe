"""`python -m biobert_onnx` is the command `biobert-onnx`."""

import sys

if __name__ == "__main__":
    try:
        from biobert_onnx.cli.main import main

        code = main()
    except KeyboardInterrupt:  # before `main` could catch it
        code = 130
    sys.exit(code)
