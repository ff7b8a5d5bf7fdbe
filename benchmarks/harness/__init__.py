"""Processes, rounds, checks and timings: how contenders are prepared and measured.

Comes in: a subject and the table of contenders. Goes out: raw samples, in records. The programs import it; it starts
worker, prepare and load_worker as programs of their own.
"""
