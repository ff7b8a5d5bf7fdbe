"""The artifact's folder on disk in, a checked manifest out.

`manifest.py` reads and writes manifest.json, `validation.py` says what it must hold, `paths.py` names the files.
Imports nothing but `errors.py`; every other folder may import it.
"""
