"""In: graphs in a work folder and the figures measured of them. Out: the artifact, with its last file the manifest.

Imports every other folder; imported by `pipeline.py` only.
"""
