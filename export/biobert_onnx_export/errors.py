"""What can go wrong on the way from a checkpoint to an artifact."""


class CheckpointError(ValueError):
    """A checkpoint cannot be found, read, or is not of a kind this project exports."""


class FidelityError(ValueError):
    """No recipe keeps the vectors close enough to the float32 reference."""
