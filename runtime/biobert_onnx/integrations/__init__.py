"""A framework's texts or documents come in, its vectors go out: one module and one extra a framework.

May import `nlu/`, `sentences/` and what stands below them; imported by users, one module at a time.
"""
