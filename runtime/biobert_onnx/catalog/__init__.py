"""A model's name in; its sources, licence, published numbers and artifact folder out.

May import `encoder.py` and what stands below it; imported by `cli/`, `spark/`, `nlu/` and the export package.
"""
