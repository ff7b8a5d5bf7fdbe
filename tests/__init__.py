"""The tests; `runtime/` needs the runtime and an artifact only."""
