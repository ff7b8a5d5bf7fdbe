"""A checkpoint and what was measured in, the rest of the artifact's folder out: configs, model card, manifest.

May import every other folder; imported by `pipeline.py` only.
"""
