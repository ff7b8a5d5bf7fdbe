"""Texts in any form come in, a table with vectors goes out: the interface of John Snow Labs' `nlu` 5.4.1.

`load` makes a `Pipeline`. May import `spark/`, which it does where a frame of Spark is wanted only, and what stands
below it; imported by users.
"""

from biobert_onnx.nlu.pipeline import Pipeline, load

__all__ = ["Pipeline", "load"]
