"""What is measured on: texts, checkpoints, and the usual way to make an int8 graph."""
