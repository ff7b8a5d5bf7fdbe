"""Tables, plots and verdicts.

Comes in: a record with raw samples. Goes out: Markdown, SVG, and sentences. The programs import it; nothing is
measured here.
"""
