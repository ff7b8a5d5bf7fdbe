"""PySpark's daemon, which forks the Python workers, with their imports done once, before the forks.

A worker imports for two seconds otherwise, and the tests start hundreds. Sessions of other kinds (local-cluster, Spark
Connect, the benchmarks) have pyspark's own daemon.
"""

import pyspark.worker
from pyspark.daemon import manager

import biobert_onnx.nlu
import biobert_onnx.spark

IMPORTED = (pyspark.worker, biobert_onnx.nlu, biobert_onnx.spark)

if __name__ == "__main__":
    manager()
