"""Programs that measure this project and its peers; nothing here is installed.

A file at the top is a program: `python -m benchmarks.NAME --help`, in the checkout. The parts of the programs lie in
the folders: peers (how each encoder is made and loaded), harness (processes, rounds, checks), inputs (texts,
checkpoints), machine, report (tables, plots), results and plots (the committed records, and what was drawn of them).
Nothing in runtime or export may import it.
"""
