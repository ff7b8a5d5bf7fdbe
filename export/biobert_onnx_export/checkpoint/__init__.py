"""A folder, an archive or a Hub id in, a `Checkpoint` out: complete, or refused with a reason.

May import the runtime; every other folder of this package may import it.
"""
