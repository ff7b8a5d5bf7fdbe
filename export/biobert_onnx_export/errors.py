"""The errors of an export; both are ValueErrors."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be found or read, or whose architecture this project does not export."""


class FidelityError(ValueError):
    """A graph whose vectors are not close enough to the float32 reference."""
