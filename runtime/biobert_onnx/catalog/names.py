"""The names that Spark NLP and NLU give to models, and the artifact folders they stand for."""

import os
from pathlib import Path

from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.catalog.models import NLU_PREFIX, SPARK_NLP_PREFIX, find
from biobert_onnx.errors import ArtifactError

DEFAULT = "sent_biobert_pubmed_base_cased"


def spark_nlp_name(name: str) -> str:
    """Return Spark NLP's name of the model that NLU calls `name`; any other name as it is.

    >>> spark_nlp_name("en.embed_sentence.biobert.pubmed_base_cased")
    'sent_biobert_pubmed_base_cased'
    """
    model = find(name) if name.startswith(NLU_PREFIX) else None
    return name if model is None else model.name


def find_artifact(name: str | os.PathLike[str], *, folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the absolute path of the artifact `name`: a path, or a model's name, which is its folder's name.

    `folder`: where to look for it; None is the working directory. Nothing is ever downloaded. Raises ArtifactError
    that says how to make the artifact if there is none.
    """
    name = spark_nlp_name(os.fspath(name))
    path = Path(folder or "", name).absolute()
    if not (path / MANIFEST).is_file():
        checkpoint = "CHECKPOINT" if find(name) is None and not name.startswith(SPARK_NLP_PREFIX) else name
        raise ArtifactError(
            f"no artifact at '{path}': make it with 'biobert-onnx export {checkpoint} {path}', "
            "or name the folder that holds it"
        )
    return path
