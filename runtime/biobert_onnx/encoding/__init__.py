"""Texts in, vectors out: texts -> token ids -> windows -> micro-batches -> sessions -> rows put back in order.

Also the choice of the engine, and what this needs of the machine: worker threads, usable CPUs, onnxruntime, forks.
May import `kernels/`, `artifact/` and `embeddings.py` only; imported by `encoder.py`, by the folders above
it and by the export package.
"""
