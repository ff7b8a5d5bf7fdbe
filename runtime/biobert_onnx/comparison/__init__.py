"""Comparison: vectors of the same texts by two encoders come in; how well the two agree goes out.

Every folder above may import it: the command `compare`, and the export's gate.
"""
