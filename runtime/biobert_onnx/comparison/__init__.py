"""Comparison: vectors come in; which are nearest, and how well those of two encoders agree, goes out.

Every folder above may import it: the commands `compare` and `similarity`, and the export's gate.
"""
