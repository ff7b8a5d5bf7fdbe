"""A scikit-learn transformer on an artifact: the extra `scikit-learn`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._extras import requires_extra
from biobert_onnx.integrations.parameters import EncoderParameters, encode_options

with requires_extra("scikit-learn", by="the scikit-learn transformer"):
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted


@dataclass(eq=False, repr=False, kw_only=True)
class BiobertOnnxVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, EncoderParameters):
    """Turns texts into vectors, as a step before any estimator. Fitting learns nothing; it loads the artifact.

    Its parameters are the encoder's options. When fitted, it pickles as the artifact's path, these options and its
    engine.

        make_pipeline(BiobertOnnxVectorizer("biobert-v1.1-int8"), LogisticRegression())
    """

    prompt_name: str | None = None
    prompt: str | None = None

    def fit(self, X: Sequence[str], y: object = None) -> Self:
        """Load the artifact as `encoder_`; `X` and `y` are ignored. Raises what SentenceEncoder raises."""
        self.encoder_ = self._open_encoder()
        self._n_features_out = self.truncate_dim or self.encoder_.dim
        return self

    def transform(self, X: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors (n, dim) float32 of `X`: a list, array or column of n texts.

        Raises ValueError for a table, NotFittedError before `fit`, and what SentenceEncoder.encode raises.
        """
        check_is_fitted(self)
        if np.ndim(X) != 1:
            raise ValueError(f"X has shape {np.shape(X)}, expected (n,), texts: pass one column, as X['text']")
        return self.encoder_.encode(X, prompt_name=self.prompt_name, prompt=self.prompt, **encode_options(self))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags
