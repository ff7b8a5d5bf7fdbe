"""A checkpoint and texts in, the float32 vectors out that every graph is measured against.

May import `checkpoint/`, and of `graph/` and `gate/` nothing.
"""
