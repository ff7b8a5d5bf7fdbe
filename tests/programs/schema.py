"""Have schemathesis ask a server whatever /openapi.json allows, and more, with all of its checks: `make test-schema`.

schemathesis is in an environment of its own. What follows on the command line are further options of its `run`.
"""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

from benchmarks.inputs.minilm import minilm_artifact  # noqa: E402
from tests.support.servers import running  # noqa: E402

WORK = PROJECT / "build" / "schema"
SCHEMATHESIS = PROJECT / "build" / "schemathesis" / "bin" / "schemathesis"


def main() -> None:
    """Serve all-MiniLM-L6-v2, have it asked, and exit as schemathesis does; 1 if the server's log holds a traceback."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with running(minilm_artifact(WORK), command=[]) as server:
        command = [str(SCHEMATHESIS), "run", f"http://127.0.0.1:{server.port}/openapi.json", "--checks", "all"]
        done = subprocess.run([*command, "--continue-on-failure", *sys.argv[1:]], cwd=WORK, env=environment)
    sys.exit(done.returncode or "Traceback" in "".join(server.log))


if __name__ == "__main__":
    main()
