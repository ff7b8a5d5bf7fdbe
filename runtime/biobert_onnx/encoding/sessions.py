"""onnxruntime sessions with the options that the artifact's graphs need."""

import ctypes
import mmap
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.manifest import LAST, MEAN_LAST_FOUR
from biobert_onnx.artifact.paths import TOKENS_GRAPH, WEIGHTS, linked_weights
from biobert_onnx.encoding.after_fork import reset_after_fork
from biobert_onnx.encoding.ort import onnxruntime
from biobert_onnx.errors import CLOSED, ArtifactError

TOKEN_OUTPUTS = {LAST: "token_embeddings", MEAN_LAST_FOUR: "token_embeddings_mean_last_four"}
"""The output of the tokens graph for each of TOKEN_LAYERS."""

SEVERITY_FATAL = 4
"""onnxruntime also logs each error that it raises: raising is enough."""


class Sessions:
    """The sessions of one encoder graph; any number of threads may run them, and they survive a fork.

    The first micro-batch that is alone runs on the plain graph, its weights not packed: opening takes a tenth of the
    time, and the run a little longer. All others run on packed weights, in one session for each number of threads.
    Vectors of tokens come from the graph beside it, whose sessions are opened when they are needed.
    """

    def __init__(
        self, graph: Path, *, dim: int, threads: int, quick_start: bool, pairs: bool = False, token_dim: int = 0
    ) -> None:
        """Open a session on `graph`, without packing its weights if `quick_start` says so.

        `threads`: what a micro-batch that is alone gets. `quick_start`: right for graphs whose vectors have the same
        bits with packed weights and without. `pairs`: whether the graph takes token types. `token_dim`: numbers
        in a vector of a token, 0 if there are none.

        Raises ArtifactError if onnxruntime refuses a file, or if the graph does not make vectors of `dim` numbers from
        token ids. Sessions are opened later, too: then it is raised if a file is no more the one that was there now.
        """
        self._graph, self._threads, self._quick_start = graph, threads, quick_start
        self._pairs, self._token_dim, self._is_closed = pairs, token_dim, False
        self._first: onnxruntime.InferenceSession | None
        self._sessions: dict[tuple[Path, int], onnxruntime.InferenceSession]
        self._tokens_graph = graph.with_name(TOKENS_GRAPH)
        self._files = _FileStates(graph, graph.with_name(WEIGHTS), self._tokens_graph)
        self._forget_sessions()
        first = self._open_first() if quick_start else self._open(graph, 1)
        check_graph(first, graph, dim=dim, pairs=pairs)
        reset_after_fork(self)

    def run(
        self, input_ids: NDArray[np.int64], threads: int, token_types: NDArray[np.int64] | None = None
    ) -> FloatArray:
        """Return the embeddings (batch, dim) of `input_ids` (batch, tokens), the same bits for any `threads`.

        `token_types`: (batch, tokens), None if all are 0. Raises ValueError for token types where the graph takes none,
        and after `close`.
        """
        if token_types is not None and not self._pairs:
            raise ValueError(f"'{self._graph}' takes no token types: export the checkpoint with pairs=True")
        with self._lock:
            session = self._session(threads)
        embeddings: FloatArray = session.run(["embeddings"], encoder_inputs(session, input_ids, token_types))[0]
        return embeddings

    def token_vectors(self, input_ids: NDArray[np.int64], threads: int, layers: str) -> FloatArray:
        """Return the vectors (batch, tokens, hidden_size) of the tokens `input_ids`, the same bits for any `threads`.

        `layers`: one of the TOKEN_LAYERS that the artifact has. Raises ValueError after `close`, ArtifactError for a
        graph that cannot be loaded or has no such output of `token_dim` numbers.
        """
        with self._lock:
            if self._is_closed:
                raise ValueError(CLOSED)
            session = self._open(self._tokens_graph, threads)
        output = TOKEN_OUTPUTS[layers]
        inputs, outputs = _values(session, self._tokens_graph)
        if inputs != ["input_ids"] or dict(outputs).get(output, [0])[-1] != self._token_dim:
            raise ArtifactError(
                f"'{self._tokens_graph}' takes {', '.join(inputs)} and gives {outputs}, expected input_ids and "
                f"{output} of {self._token_dim} dimensions, as the manifest says: export or copy the artifact again"
            )
        vectors: FloatArray = session.run([output], {"input_ids": input_ids})[0]
        return vectors

    def close(self) -> None:
        """Give the sessions' memory and threads back; a micro-batch that runs now is finished first."""
        with self._lock:
            self._is_closed, self._first = True, None
            self._sessions.clear()

    def begin_anew(self) -> None:
        """In a forked process: leave the sessions to the parent, and open others when they are needed.

        They are never destroyed here: that would wait for their threads. A reference too many prevents it.
        """
        for session in (self._first, *self._sessions.values()):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))
        self._forget_sessions()

    def _forget_sessions(self) -> None:
        self._lock = threading.Lock()
        self._first, self._first_is_due = None, self._quick_start
        self._sessions = {}

    def _session(self, threads: int) -> onnxruntime.InferenceSession:
        """The session for `threads`, opened if need be; the lock is held."""
        if self._is_closed:
            raise ValueError(CLOSED)
        if self._first_is_due and threads == self._threads:
            session = self._open_first()
            self._first, self._first_is_due = None, False
            return session
        return self._open(self._graph, threads)

    def _open_first(self) -> onnxruntime.InferenceSession:
        self._first = self._first or self._open_unchanged(self._graph, threads=1, packing=False)
        return self._first

    def _open(self, graph: Path, threads: int) -> onnxruntime.InferenceSession:
        if (graph, threads) not in self._sessions:
            self._sessions[graph, threads] = self._open_unchanged(graph, threads=threads, packing=True)
        return self._sessions[graph, threads]

    def _open_unchanged(self, graph: Path, *, threads: int, packing: bool) -> onnxruntime.InferenceSession:
        """Open a session on `graph`; raises ArtifactError if its files have changed since the encoder was opened."""
        self._files.check()
        session = open_session(graph, threads=threads, packing=packing)
        self._files.check()  # they may have been replaced while they were read
        return session


class _FileStates:
    """The states in which some files were found: an encoder must not go on with the files of another artifact."""

    def __init__(self, *paths: Path) -> None:
        self._found = {path: _file_state(path) for path in paths}

    def check(self) -> None:
        """Raise ArtifactError for the first file that is not as it was found."""
        for path, found in self._found.items():
            if _file_state(path) != found:
                raise ArtifactError(
                    f"'{path}' was replaced, moved or deleted after this encoder was opened, and onnxruntime reads it "
                    "again for each number of threads: open a new SentenceEncoder"
                )


def _file_state(path: Path) -> tuple[int, int] | None:
    """Return the size of a file and when it was written last; None if there is none.

    The number of an inode is left out: some file systems give a file another one each time it is looked up.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def open_session(graph: Path, *, threads: int = 1, packing: bool = True) -> onnxruntime.InferenceSession:
    """Open a CPU session on `graph`; with one thread it computes on the calling thread.

    Without `packing`, weights are laid out for the CPU in every run instead of once, here. Raises ArtifactError if
    onnxruntime refuses the file.
    """
    options = session_options(threads=threads)
    options.add_session_config_entry("session.disable_prepacking", str(int(not packing)))
    return new_session(graph, options)


def inputs_taken(
    session: onnxruntime.InferenceSession, inputs: Mapping[str, NDArray[np.int64]]
) -> dict[str, NDArray[np.int64]]:
    """Return those of `inputs` that the graph of `session` takes: not every encoder has token types."""
    return {value.name: inputs[value.name] for value in session.get_inputs()}


def encoder_inputs(
    session: onnxruntime.InferenceSession, input_ids: NDArray[np.int64], token_types: NDArray[np.int64] | None = None
) -> dict[str, NDArray[np.int64]]:
    """Return what encoder.onnx, opened as `session`, takes; `token_types` None: all are 0."""
    if len(session.get_inputs()) == 1:
        return {"input_ids": input_ids}
    types = np.zeros_like(input_ids) if token_types is None else token_types
    return {"input_ids": input_ids, "token_type_ids": types}


def check_graph(session: onnxruntime.InferenceSession, graph: Path, *, dim: int, pairs: bool) -> None:
    """Raise ArtifactError unless the `graph` of `session` is an encoder of `dim` dimensions, which takes `pairs`."""
    expected = ["input_ids", "token_type_ids"] if pairs else ["input_ids"]
    inputs, outputs = _values(session, graph)
    if inputs != expected or outputs != [("embeddings", [dim])]:
        raise ArtifactError(
            f"'{graph}' takes {', '.join(inputs)} and gives {outputs}, expected {', '.join(expected)} and "
            f"embeddings of {dim} dimensions, as the manifest says: export or copy the artifact again"
        )


def _values(session: onnxruntime.InferenceSession, graph: Path) -> tuple[list[str], list[tuple[str, list[Any]]]]:
    """Return the inputs' names, and the outputs' with their shapes but for the batch; ArtifactError for no UTF-8."""
    try:
        inputs = [value.name for value in session.get_inputs()]
        return inputs, [(value.name, value.shape[1:]) for value in session.get_outputs()]
    except UnicodeDecodeError as error:
        raise ArtifactError(f"onnxruntime cannot load '{graph}' ({error}): export the artifact again") from error


def session_options(*, threads: int) -> onnxruntime.SessionOptions:
    """Return the options of every session here.

    Graph optimization is off: the file is in its final form, start-up is shorter, and the bits of a vector do not
    depend on what an onnxruntime version would fuse. Threads of the session stop spinning when a run ends.

    onnxruntime's arena keeps what the largest micro-batches side by side took (28 MiB on the stand-in, two workers) and
    is 7 % faster than the system's allocator, which has 2,500 page faults a run. Weights stay out of it, as it doubles
    each piece that it asks for, and so does a plan of memory for every shape, which grows with each new length.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    options.log_severity_level = SEVERITY_FATAL
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    return options


def new_session(graph: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    """Open a session on `graph` with `options`; raises ArtifactError if onnxruntime refuses the file.

    onnxruntime reads no weights behind links that lead out of the graph's folder, as those of the Hub's cache do: such
    weights are mapped here. onnxruntime's own fallback to the CPU would print some errors and try the same again: it is
    off.
    """
    weights = linked_weights(graph.parent)
    try:
        mapped = None if weights is None else _map_weights(weights, options)
        providers = ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(str(graph), options, providers=providers, enable_fallback=False)
    except Exception as error:  # onnxruntime's errors share no base class
        reason = str(error).splitlines()[0]
        remedy = "mount /proc here" if "procfs" in reason else "export the artifact again"
        raise ArtifactError(f"onnxruntime cannot load '{graph}' ({reason}): {remedy}") from error
    session.mapped_weights = mapped  # it reads them as long as it lives
    return session


def _map_weights(path: Path, options: onnxruntime.SessionOptions) -> mmap.mmap:
    """Let sessions of `options` use the file `path` in place of their graph's WEIGHTS, mapped, so that none is copied.

    The map must live as long as the sessions.
    """
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    options.add_external_initializers_from_files_in_memory([WEIGHTS], [mapped], [len(mapped)])
    options.add_session_config_entry("session.use_external_initializer_file_buffers_directly", "1")
    return mapped
