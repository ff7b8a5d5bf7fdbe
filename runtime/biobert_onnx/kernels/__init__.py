"""int8 artifacts computed by this project's own C: token ids in, vectors out, the same bits on every CPU.

`library.py` finds the compiled C and its kernels, `plan.py` reads what the artifact holds, `packed.py` lays its weights
out, `prepacked.py` keeps them in a folder, `engine.py` says whether all this can run here, `session.py` runs it. The C
lies in `source/`: begin with `model.h` and `encoder.h`. May import `artifact/` only; imported by `encoding/`,
`encoder.py`, `serving/`, `cli/` and the export package.
"""
