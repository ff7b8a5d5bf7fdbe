"""Requests come in, vectors go out as JSON: the HTTP app, the serverless handler, and the zip that carries the handler.

It may import `encoder.py` and what stands below it; only `cli/` imports it (servers load it by its name).
"""
