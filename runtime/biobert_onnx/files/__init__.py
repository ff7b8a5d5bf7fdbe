"""Files of texts in, files of vectors out, in memory that does not grow with the file.

Only `compare` takes all vectors into one array.

One module a format; `lines.py` opens and unpacks text files, `rows.py` says what a row and a group of rows is,
`encode.py` joins a reader and a writer. May import `encoder.py` and what stands below it; imported by `cli/` only.
"""
