"""Forks 40 times while six threads encode; each forked process compares bits. Prints the set of their exit codes.

python fork_at_work.py ARTIFACT TEXTS, the texts as a JSON array
"""

import json
import os
import signal
import sys
import threading

from biobert_onnx import SentenceEncoder

FORKS = 40
HANGS_S = 20
"""A forked process that takes longer is ended by SIGALRM."""

encoder = SentenceEncoder(sys.argv[1], threads=2)
texts = json.loads(sys.argv[2])
expected = encoder.encode(texts)


def encode_forever() -> None:
    while True:
        encoder.encode(texts)


for _ in range(6):
    threading.Thread(target=encode_forever, daemon=True).start()
codes = []
for _ in range(FORKS):
    child = os.fork()
    if child == 0:
        signal.alarm(HANGS_S)
        os._exit(0 if (encoder.encode(texts) == expected).all() else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    if codes[-1]:
        break
print(set(codes))
sys.stdout.flush()
os._exit(0)
