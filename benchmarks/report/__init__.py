"""What makes tables, plots and verdicts of the raw samples in the records."""
