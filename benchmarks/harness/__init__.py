"""Processes, rounds, checks and timings: how contenders are prepared and measured.

Comes in: a subject and the table of contenders. Goes out: raw samples, in records. The programs and the peers
import it; worker, prepare, load_worker, spark_worker and st_server are started as processes of their own.
"""
