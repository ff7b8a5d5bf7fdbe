"""A scikit-learn transformer on an artifact: the extra `scikit-learn`."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._extras import requires_extra
from biobert_onnx.integrations.parameters import EncoderParameters

with requires_extra("scikit-learn", by="the scikit-learn transformer"):
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted


class BiobertOnnxVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, EncoderParameters):
    """Turns texts into their vectors, a step before any estimator; fitting learns nothing, it loads the artifact.

    The parameters are SentenceEncoder's. A fitted one pickles as the artifact's path and its parameters.

        make_pipeline(BiobertOnnxVectorizer("biobert-v1.1-int8"), LogisticRegression())
    """

    def fit(self, X: Sequence[str], y: object = None) -> Self:
        """Load the artifact, as `encoder_`; `X` and `y` are not looked at. Raises as SentenceEncoder."""
        self.encoder_ = self._loaded()
        self._n_features_out = self.truncate_dim or self.encoder_.dim
        return self

    def transform(self, X: Sequence[str]) -> NDArray[np.float32]:
        """The vectors (n, dim) float32 of `X`: a list, array or column of n texts.

        Raises ValueError for a table, NotFittedError before `fit`, else as SentenceEncoder.encode.
        """
        check_is_fitted(self)
        if np.ndim(X) != 1:
            raise ValueError(f"X has shape {np.shape(X)}, expected (n,), texts: pass one column, as X['text']")
        return self.encoder_.encode(X, **self._options())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags
