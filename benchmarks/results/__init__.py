"""The committed records: raw samples and the conditions of each run, as JSON.

Comes in: what a program measured. Goes out: the same, to the report. Every program may import it.
"""

from pathlib import Path

RESULTS = Path(__file__).parent
"""The folder of the committed records: one folder a program, one file a subject or run."""
