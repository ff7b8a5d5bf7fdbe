"""The artifact's folder on disk in, a checked manifest out.

`manifest.py` reads and writes manifest.json, `validation.py` says what it must hold, `paths.py` names the files,
`hub.py` fetches them from the Hugging Face Hub and pushes them there, `summary.py` shows a manifest to people.
Imports nothing but `errors.py`, `version.py` and `_` modules; every other folder may import it.
"""
