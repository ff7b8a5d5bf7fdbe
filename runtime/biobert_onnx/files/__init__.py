"""Files of texts into files of vectors."""
