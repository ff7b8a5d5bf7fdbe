"""In: a checkpoint, the token ids of calibration texts and a `Recipe`. Out: the `Plan` of an int8 graph.

Imports `checkpoint/`, `reference/` and `graph/`; imported by `gate/`, `publish/` and `pipeline.py`.
"""
