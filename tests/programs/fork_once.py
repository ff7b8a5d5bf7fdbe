"""Encodes in a forked process and in its parent; exits with 0 if all bits are those from before the fork.

python fork_once.py ARTIFACT TEXTS, the texts as a JSON array
"""

import json
import os
import sys

from biobert_onnx import SentenceEncoder

encoder = SentenceEncoder(sys.argv[1], threads=2)
texts = json.loads(sys.argv[2])
expected = [encoder.encode(texts), encoder.encode(texts[:1]), encoder.encode(texts[:1])]


def same_bits() -> bool:
    found = [encoder.encode(texts), encoder.encode(texts[:1]), encoder.encode(texts[:1])]
    return all((a == b).all() for a, b in zip(found, expected, strict=True))


child = os.fork()
if child == 0:
    sys.exit(not same_bits())
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) or not same_bits())
