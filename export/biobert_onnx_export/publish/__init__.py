"""In: graphs in a work folder and the figures measured of them. Out: the artifact, with its last file the manifest.

Also the artifact rewritten for other programs. Imports every other folder; imported by `pipeline.py` and by the package
itself, for `convert`.
"""
