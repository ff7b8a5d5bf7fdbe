"""In: a checkpoint and texts. Out: the float32 reference, and its vectors as the `Targets` of every later graph.

Imports `checkpoint/`; imported by `gate/`, `publish/` and `pipeline.py`.
"""
