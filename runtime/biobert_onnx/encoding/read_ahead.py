"""Token ids of a stream of texts, read and tokenized on one thread ahead of the computing, in bounded memory."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from queue import SimpleQueue
from threading import Event, Thread

from biobert_onnx.encoding.tokenizer import check_text, slices

CHUNK = 1024
"""Texts in one array. Token rates on PubMed sentences, 2 cores, against 4,096: 1,024 and 512 equal within 1 %, 256 4 %
less, 128 6 % less. More cores need more micro-batches a chunk; more texts a chunk hold more memory."""

SLICE = 128
"""Texts tokenized at a time: the raw texts held, and what ending early may have to wait for."""

PATIENCE_S = 1.0
"""Seconds that ending early waits for the thread. One that is blocked inside the iterable, on a terminal or a socket,
cannot be ended from outside: it ends by itself with its next text, or with the process."""

TokenIds = list[list[int]]
Tokenize = Callable[[Sequence[str]], TokenIds]


def token_ids_ahead(texts: Iterator[str], tokenize: Tokenize, *, chunk_size: int) -> Generator[TokenIds, None, None]:
    """The token ids of `chunk_size` texts at a time, while the next chunk is being read and tokenized on a thread.

    At most one chunk is made ahead. An error of `texts`, and one of `check_text` with the index in the whole stream, is
    raised after the whole chunks before it. Closing the generator ends the thread.
    """
    ready: SimpleQueue[TokenIds | BaseException] = SimpleQueue()
    wanted: SimpleQueue[bool] = SimpleQueue()  # no semaphore: Ctrl-C can leave its lock closed
    closed = Event()

    def work() -> None:
        live = takewhile(lambda _: not closed.is_set(), _checked(texts))
        try:
            while wanted.get() and (chunk := _token_ids(islice(live, chunk_size), tokenize)):
                ready.put(chunk)
            ready.put([])
        except BaseException as error:
            ready.put(error)

    thread = Thread(target=work, name="biobert-onnx read-ahead", daemon=True)
    thread.start()
    try:
        wanted.put(True)
        while chunk := _result(ready.get()):
            wanted.put(True)
            yield chunk
    finally:
        closed.set()
        wanted.put(False)
        thread.join(PATIENCE_S)


def _checked(texts: Iterable[str]) -> Iterator[str]:
    for index, text in enumerate(texts):
        check_text("texts", index, text)
        yield text


def _token_ids(texts: Iterator[str], tokenize: Tokenize) -> TokenIds:
    return [ids for part in slices(texts, most=SLICE) for ids in tokenize(part)]


def _result(made: TokenIds | BaseException) -> TokenIds:
    if isinstance(made, BaseException):
        raise made
    return made
