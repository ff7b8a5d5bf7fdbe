"""Texts, checkpoints, and the usual way to make an int8 graph.

Comes in: the bundled texts and published checkpoints. Goes out: texts and folders. The harness, the peers and the
programs import it.
"""
