"""The types of arrays and token ids; what the docstrings say beside them are their shapes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

Text = str | tuple[str, str]
"""A single text, or a pair of texts that is encoded as one: two segments."""

TokenIds = Sequence[Sequence[int]]
"""The token ids of some texts, [CLS] and [SEP] included."""
