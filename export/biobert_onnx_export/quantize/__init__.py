"""In: a checkpoint and the token ids of calibration texts. Out: its network in int8, and the `Plan` of each `Recipe`.

Imports `checkpoint/` and `graph/`; imported by `gate/`, `publish/` and `pipeline.py`.
"""
