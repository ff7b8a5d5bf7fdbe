"""What the command's exit codes mean, and which error gives which."""

from biobert_onnx.errors import ArtifactError, BundleError
from biobert_onnx.files.rows import InputError

DONE = 0
FAILED = 1
BAD_USE = 2
HUNG_UP = 129
INTERRUPTED = 130
CLOSED_PIPE = 141
TERMINATED = 143
"""From 129 on: 128 and the number of a signal, as shells count."""

MEANINGS = {
    DONE: "done",
    FAILED: "the job failed: a bad row, a damaged file or artifact, a full disk",
    BAD_USE: "the call is wrong: an option, a name, a file or folder that is not there, a missing extra",
    HUNG_UP: "ended by SIGHUP: the terminal was closed",
    INTERRUPTED: "ended by SIGINT: Ctrl-C",
    CLOSED_PIPE: "who read the output closed it, as head does",
    TERMINATED: "ended by SIGTERM, as schedulers and containers do",
}


class JobError(Exception):
    """A job that failed for a reason that another package has its own error for."""


ERRORS: tuple[tuple[type[Exception], int], ...] = (
    (JobError, FAILED),
    (ArtifactError, FAILED),
    (BundleError, FAILED),
    (InputError, FAILED),
    (UnicodeError, FAILED),
    (ValueError, BAD_USE),  # the library raises it for an argument out of range
    (FileNotFoundError, BAD_USE),
    (FileExistsError, BAD_USE),
    (OSError, FAILED),
)
"""The first that fits an error gives its code."""


def exit_code(error: Exception) -> int | None:
    """Return the code for `error`; None if it can only be a mistake of this program, which should show its traceback.

    >>> exit_code(ArtifactError("damaged")), exit_code(ValueError("threads is 0")), exit_code(TypeError())
    (1, 2, None)
    """
    if isinstance(error, ModuleNotFoundError):  # one for a missing extra names no module; any other is a mistake
        return BAD_USE if error.name is None else None
    return next((code for kind, code in ERRORS if isinstance(error, kind)), None)
