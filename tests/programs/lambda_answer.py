"""Answer one event with the function in a folder: `lambda_answer.py FOLDER EVENT`, in an interpreter that has no more.

Prints the answer, and the files that were imported from anybody's site-packages.
"""

import json
import sys


def main(folder: str, event: str) -> None:
    """Print the answer to the JSON `event`, and a list of paths, as JSON."""
    sys.path.append(folder)
    from lambda_function import lambda_handler  # type: ignore[import-not-found]

    answer = lambda_handler(json.loads(event), None)
    places = {module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)}
    json.dump([answer, [place for place in places if place and "site-packages" in place]], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
