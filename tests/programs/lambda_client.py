"""Run AWS's own runtime client on a function: `lambda_client.py FOLDER CLIENT`.

FOLDER is the function's, CLIENT holds the packages of the client, which asks the runtime API that the environment
variable AWS_LAMBDA_RUNTIME_API names.
"""

import runpy
import sys


def main(folder: str, client: str) -> None:
    """Answer events until the process is ended."""
    sys.path[:0] = [folder, client]
    sys.argv[1:] = ["lambda_function.lambda_handler"]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
