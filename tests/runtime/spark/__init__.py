"""Tests that share one Spark session, which ends with the last of them."""
