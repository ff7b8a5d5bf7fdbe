"""Requests in, vectors as JSON out: the HTTP app, the serverless handler, and the zip that carries the handler.

May import `encoder.py` and what stands below it; imported by `cli/` only (servers load it by name).
"""
