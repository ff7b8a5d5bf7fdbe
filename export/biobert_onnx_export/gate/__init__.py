"""In: graphs and `Targets`. Out: fidelity figures, and the graphs of the first recipe that is faithful enough.

Imports every folder but `publish/`; imported by `publish/` and `pipeline.py`.
"""
