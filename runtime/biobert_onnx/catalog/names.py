"""The names that Spark NLP and NLU give to models, and the artifact folders they stand for."""

import os
from difflib import get_close_matches
from pathlib import Path

from biobert_onnx._file_status import is_file
from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.catalog.models import LANGUAGE, MODELS, NLU_PREFIX, SPARK_NLP_PREFIX, find
from biobert_onnx.errors import ArtifactError

DEFAULT = "sent_biobert_pubmed_base_cased"

NEAR_NAMES = 3
"""Names that an error suggests for one that is not known."""


def is_nlu_name(name: str) -> bool:
    """Whether `name` is spelled as one of NLU's for the sentence models of BioBERT, known here or not.

    >>> is_nlu_name("embed_sentence.biobert"), is_nlu_name("sent_biobert_pubmed_base_cased")
    (True, False)
    """
    return f"{LANGUAGE}{name.removeprefix(LANGUAGE)}.".startswith(NLU_PREFIX)


def spark_nlp_name(name: str) -> str:
    """Return Spark NLP's name of the model that NLU calls `name`; any other name as it is.

    >>> spark_nlp_name("en.embed_sentence.biobert.pubmed_base_cased")
    'sent_biobert_pubmed_base_cased'
    """
    model = find(name) if is_nlu_name(name) else None
    return name if model is None else model.name


def find_artifact(name: str | os.PathLike[str], *, folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the absolute path of the artifact `name`: a path, or a model's name.

    A model's artifact may lie in a folder of the name given, or of the model's name in Spark NLP, or of its short one;
    the first that is there is taken.
    `folder`: where to look for it; None is the working directory. Nothing is ever downloaded. Raises ArtifactError
    that says how to make the artifact if there is none, and lists names like one that is not known.
    """
    given = os.fspath(name)
    model = find(given)
    names = [spark_nlp_name(given), *(() if model is None else (model.name, model.short))]
    paths = [Path(folder or "", each).absolute() for each in names]
    try:
        found = next((path for path in paths if is_file(path / MANIFEST)), None)
    except OSError as error:
        raise ArtifactError(f"'{error.filename}' cannot be read ({error.strerror}): change its permissions") from error
    if found is not None:
        return found
    checkpoint = "CHECKPOINT" if model is None and not given.startswith(SPARK_NLP_PREFIX) else names[0]
    near = "" if model is not None else ", ".join(near_names(given, Path(folder or "")))
    raise ArtifactError(
        f"no artifact at '{paths[0]}': make it with 'biobert-onnx export {checkpoint} {paths[0]}', "
        f"or name the folder that holds it{near and f'; names like this one are {near}'}"
    )


def near_names(name: str, folder: Path) -> list[str]:
    """Return the names that are most like `name`, best first: of the models, and of the artifacts in `folder`."""
    artifacts = [manifest.parent.name for manifest in folder.glob(f"*/{MANIFEST}")]
    return get_close_matches(name, {*artifacts, *(known for model in MODELS for known in model.names)}, NEAR_NAMES)
