"""In: a folder, an archive, a Hub id or a model's name. Out: a complete `Checkpoint`, or a CheckpointError.

Imports no other folder of this package; every other folder may import it.
"""
