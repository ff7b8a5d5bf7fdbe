"""The machine, its peak and its load, the memory of its processes, and the packages that are installed.

Comes in: /proc and the installed distributions. Goes out: plain numbers. Everything in benchmarks may import it.
"""
