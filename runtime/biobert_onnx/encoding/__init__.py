"""Texts in, vectors out: texts -> token ids -> windows -> micro-batches -> sessions -> rows put back in order.

Also what this needs of the machine: worker threads, usable CPUs, onnxruntime, weights packed for one CPU, forks.
May import `artifact/` and `embeddings.py` only; imported by `encoder.py`, `catalog/`, `cli/` and the export package.
"""
