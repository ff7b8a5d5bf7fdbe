"""Forks while callers await vectors; the forked process and its parent compute for themselves. Exits with 0 if all
bits are right.

    python fork_while_awaiting.py ARTIFACT TEXTS, the texts as a JSON array
"""

import asyncio
import json
import os
import sys

import numpy as np

from biobert_onnx import SentenceEncoder

encoder = SentenceEncoder(sys.argv[1], threads=2)
texts = json.loads(sys.argv[2])
expected = encoder.encode(texts)


async def two_calls() -> list[np.ndarray]:
    return list(await asyncio.gather(encoder.aencode(texts), encoder.aencode(texts)))


def same_bits() -> bool:
    return all(bool((each == expected).all()) for each in asyncio.run(two_calls()))


async def forked_while_computing() -> int:
    waiting = asyncio.gather(*(encoder.aencode([f"{n} {m}" for n in range(300)]) for m in range(5)))
    await asyncio.sleep(0)
    child = os.fork()
    if child == 0:
        asyncio.events._set_running_loop(None)
        os._exit(not same_bits())
    await waiting
    return child


child = asyncio.run(forked_while_computing())
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) or not same_bits())
