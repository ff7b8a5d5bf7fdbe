"""The published checkpoints that have a name here, and the look-up of one by any of its names."""

from biobert_onnx.catalog import biobert, field
from biobert_onnx.catalog.model import LANGUAGE, NLU_PREFIX, SENTENCES, SPARK_NLP_PREFIX, UNKNOWN, Model

__all__ = ["LANGUAGE", "MODELS", "NLU_PREFIX", "SENTENCES", "SPARK_NLP_PREFIX", "UNKNOWN", "Model", "find"]

MODELS = (*biobert.MODELS, *field.MODELS)


def find(name: str | None) -> Model | None:
    """Return the model that `name` stands for, None if there is none.

    >>> find("biobert_pubmed_base_cased").short
    'biobert-v1.1'
    >>> find("cambridgeltl/SapBERT-from-PubMedBERT-fulltext").pooling
    'cls'
    """
    return next((model for model in MODELS if name in model.names), None)
