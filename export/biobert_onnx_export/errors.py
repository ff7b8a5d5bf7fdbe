"""What can go wrong on the way from a checkpoint to an artifact."""


class CheckpointError(ValueError):
    """A checkpoint cannot be found, read, or is not of a kind this project exports."""


class FidelityError(ValueError):
    """A graph's vectors are not close enough to the float32 reference's."""
