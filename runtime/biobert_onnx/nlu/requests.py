"""What `load` is asked for: the artifact's folder, and the name that its columns of vectors end with."""

import os
import re
from pathlib import Path

from biobert_onnx._file_status import is_file
from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.catalog.models import NLU_PREFIX, find
from biobert_onnx.catalog.names import DEFAULT, find_artifact, is_nlu_name, spark_nlp_name

FROM_DISK = "from_disk"
"""NLU's request if there is none, but a path."""

WORD_LEVEL = re.compile(r"(?:en\.)?(?:embed\.)?biobert(?:[._](?P<model>\w+))?")
"""How the names of NLU's BioBERT for words are spelled."""

Folder = str | os.PathLike[str] | None


def requested_artifact(request: str | os.PathLike[str], path: Folder, folder: Folder) -> Path:
    """Return the absolute path of the artifact that `request`, or else `path`, stands for.

    Raises ValueError for arguments that contradict each other, and for the name of a model for words; ArtifactError if
    the artifact is not found.
    """
    if path is not None and folder is not None:
        raise ValueError(
            f"path is '{path}' and folder is '{folder}': path is the artifact itself, folder holds artifacts by their "
            "names; give one of them"
        )
    if path is not None:
        return find_artifact(path)
    name = os.fspath(request).strip()
    if not name or name == FROM_DISK:
        raise ValueError(f"request is {name!r}: give a model's name, or path=, the artifact's folder")
    if not is_file(Path(folder or "", name, MANIFEST)):
        _check_is_one_sentence_model(name)
    return find_artifact(name, folder=folder)


def column_name(request: str | os.PathLike[str], artifact: Path) -> str:
    """Return "biobert" for NLU's names of the models, as NLU does, and the artifact's name for any other request."""
    is_nlus = is_nlu_name(os.fspath(request).strip())
    return "biobert" if is_nlus else re.sub(r"\W", "_", artifact.name)


def _check_is_one_sentence_model(name: str) -> None:
    """Raise ValueError if `name` is of a model for words, or of several models, which NLU joins into one pipeline."""
    if match := WORD_LEVEL.fullmatch(name):
        model = find(f"{NLU_PREFIX}{match['model']}")
        nlu = f"{NLU_PREFIX}{match['model']}" if model else f"{NLU_PREFIX}{DEFAULT.removeprefix('sent_biobert_')}"
        raise ValueError(
            f"request is '{name}', NLU's model for words: the one for sentences is '{nlu}', in Spark NLP "
            f"'{spark_nlp_name(nlu)}'; with output_level='token' it gives vectors of words, too"
        )
    if any(find(part) is not None for part in name.split()[1:]):
        raise ValueError(f"request is '{name}', several models: a pipeline has one here, so load each on its own")
