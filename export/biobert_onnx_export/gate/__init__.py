"""Graphs and reference vectors in, fidelity figures out; the gate refuses graphs that are not close enough.

May import every folder but `publish/`.
"""
