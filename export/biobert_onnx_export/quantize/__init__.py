"""A checkpoint and calibration texts in, the plan of an int8 graph out.

May import `checkpoint/`, `reference/` and `graph/`.
"""
