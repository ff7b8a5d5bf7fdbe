"""The names that Spark NLP and NLU give to models, and the artifact folders they stand for."""

import os
from pathlib import Path

from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.errors import ArtifactError

DEFAULT = "sent_biobert_pubmed_base_cased"
SPARK_NLP_PREFIX = "sent_biobert_"
NLU_PREFIX = "en.embed_sentence.biobert."


def spark_nlp_name(name: str) -> str:
    """Spark NLP's name of the model that NLU calls `name`; any other name as it is.

    >>> spark_nlp_name("en.embed_sentence.biobert.pubmed_base_cased")
    'sent_biobert_pubmed_base_cased'
    """
    return SPARK_NLP_PREFIX + name.removeprefix(NLU_PREFIX) if name.startswith(NLU_PREFIX) else name


def find_artifact(name: str | os.PathLike[str], *, folder: str | os.PathLike[str] | None = None) -> Path:
    """The absolute path of the artifact `name`: a path, or a model's name, which is then the artifact's folder name.

    `folder`: where it is looked for; None is the working directory. Nothing is ever downloaded. Raises ArtifactError
    that says how to make the artifact if there is none.
    """
    name = spark_nlp_name(os.fspath(name))
    path = Path(folder or "", name).absolute()
    if not (path / MANIFEST).is_file():
        checkpoint = name if name.startswith(SPARK_NLP_PREFIX) else "CHECKPOINT"
        raise ArtifactError(
            f"no artifact at '{path}': make it with 'biobert-onnx export {checkpoint} {path}', "
            "or name the folder that holds it"
        )
    return path
