"""The encoders that are compared: one library a module.

Comes in: a prepared subject. Goes out: a function from texts to vectors. The harness, the report and the programs
import it; a module here imports its library inside its functions, so that no process pays for another's imports.
"""
