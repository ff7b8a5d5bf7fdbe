"""Adapters for frameworks, one module and one extra each; nothing is imported here."""
