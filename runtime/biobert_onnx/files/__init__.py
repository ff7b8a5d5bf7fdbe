"""Files of texts in, files of vectors out, in memory that does not grow with the file.

One module a format; `rows.py` says what a row is, `encode.py` joins a reader and a writer.
May import `encoder.py` and what stands below it; imported by `cli/` only.
"""
