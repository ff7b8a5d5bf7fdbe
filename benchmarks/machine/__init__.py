"""The machine, its memory, and the packages that are installed on it."""
