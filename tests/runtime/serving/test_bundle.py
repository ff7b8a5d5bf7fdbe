"""The serverless zip: its bytes, its limit, and what it does where nothing else is installed or can be written."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Sequence
from fnmatch import fnmatch
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.artifact.paths import ALL_GRAPH_FILES, PACKED_FILES
from biobert_onnx.cli.main import main
from biobert_onnx.errors import BundleError
from biobert_onnx.kernels.library import PATH as LIBRARY
from biobert_onnx.kernels.library import load_library
from biobert_onnx.serving import bundle as bundling
from biobert_onnx.serving import wheels
from biobert_onnx.serving.bundle import LAMBDA_PYTHONS, MAX_UNZIPPED_BYTES, NOT_RUN, OLDEST_PYTHON, bundle, doubts
from biobert_onnx.serving.wheels import KERNEL_PACKAGES, PACKAGES, PLATFORMS, UNUSED_FILES
from tests.runtime.cli.command import heed_signals
from tests.runtime.serving.lambda_runtime import RuntimeServer
from tests.runtime.test_import_rules import PACKAGE, imports, known
from tests.support.engines import measured_on_kernels, needs_kernels
from tests.support.hub_cache import in_cache
from tests.support.packed_artifacts import packed
from tests.support.pages import PROJECT
from tests.support.texts import TEXTS

PROGRAMS = PROJECT / "tests" / "programs"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PLATFORM = f"manylinux_2_28_{platform.machine()}"
EVENT = json.dumps({"texts": list(TEXTS)})
DOUBTS = "".join(f"biobert-onnx: warning: {doubt}\n" for doubt in doubts(platform=PLATFORM, python=PYTHON))
"""What the command says of a zip for the Python that runs the tests."""

pytestmark = pytest.mark.skipif(
    not (sys.platform == "linux" and PLATFORM in PLATFORMS and find_spec("pip")),
    reason="needs pip, and a Linux that can run what is in the zip",
)


@pytest.fixture(scope="module")
def zipped(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as the command makes it, for the Python that runs the tests."""
    path = tmp_path_factory.mktemp("zips") / "function.zip"
    command = [sys.executable, "-W", "error", "-m", "biobert_onnx", "bundle", str(artifact), str(path)]
    done = subprocess.run([*command, "--platform", PLATFORM, "--python", PYTHON], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, DOUBTS)
    assert f"wrote {path}" in done.stdout
    return path


def unzipped(zipped: Path, folder: Path) -> Path:
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def function(zipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that Lambda would unzip it into."""
    return unzipped(zipped, tmp_path_factory.mktemp("task"))


def names(zipped: Path) -> list[str]:
    with zipfile.ZipFile(zipped) as archive:
        return archive.namelist()


def test_the_zip_holds_runtime_dependencies_artifact_and_handler_in_order(zipped: Path, artifact: Path) -> None:
    found = names(zipped)
    assert found == sorted(found)
    assert {name.partition("/")[0] for name in found if ".dist-info" not in name} == {
        "artifact", "biobert_onnx", "bundle.json", "lambda_function.py", "__pycache__",
        "numpy", "numpy.libs", "onnxruntime", "tokenizers",
    }  # fmt: skip
    assert {name for name in found if name.startswith("artifact/")} == {
        f"artifact/{path.relative_to(artifact).as_posix()}" for path in artifact.rglob("*") if path.is_file()
    }
    assert sum(name.endswith("/METADATA") for name in found) == 3


def licences(packages: Sequence[str]) -> set[str]:
    """The texts of licences that the installed `packages` have in their metadata and at their top."""
    installed = {file for package in packages for file in distribution(package).files or ()}
    texts = {file for file in installed if re.search(r"licen[cs]e|copying|notice", file.name, re.IGNORECASE)}
    return {file.as_posix() for file in texts if ".dist-info" in file.parts[0] or len(file.parts) == 2}


@pytest.mark.parametrize(
    ("kind", "packages"), [("zipped", PACKAGES), pytest.param("kernels_zip", KERNEL_PACKAGES, marks=needs_kernels)]
)
def test_every_licence_of_what_is_inside_is_inside(
    request: pytest.FixtureRequest, kind: str, packages: Sequence[str]
) -> None:
    made: Path = request.getfixturevalue(kind)
    wanted = licences(packages)
    assert f"numpy-{np.__version__}.dist-info/licenses/LICENSE.txt" in wanted
    assert ({"onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"} < wanted) == ("onnxruntime" in packages)
    assert not wanted - set(names(made))
    with zipfile.ZipFile(made) as archive:
        assert archive.read("biobert_onnx/LICENSE") == (PROJECT / "LICENSE").read_bytes()


def test_of_this_package_only_what_the_handler_imports_is_inside(zipped: Path) -> None:
    inside = {name for name in names(zipped) if name.startswith("biobert_onnx/") and name.endswith(".py")}
    dotted = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in inside}
    assert "biobert_onnx.serving.serverless" in dotted
    for module in sorted(dotted):
        path = PACKAGE.parent / module.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for imported in imports(path):
            assert not imported.startswith("biobert_onnx.") or known(imported, dotted), (module, imported)
    for each in NOT_RUN:
        assert not [name for name in inside if f"/{each}/" in name or name.endswith(f"/{each}")], each


def test_compiled_kernels_go_into_the_zip_and_their_sources_do_not(zipped: Path) -> None:
    inside = [name for name in names(zipped) if name.startswith("biobert_onnx/kernels/")]
    assert (f"biobert_onnx/kernels/{LIBRARY.name}" in inside) == LIBRARY.is_file()
    assert not [name for name in inside if name.endswith((".c", ".h"))]


def test_a_snapshot_in_the_hubs_cache_gives_the_same_zip(zipped: Path, artifact: Path, tmp_path: Path) -> None:
    snapshot = in_cache(artifact, tmp_path / "hub", "store")
    bundle(snapshot, tmp_path / "function.zip", platform=PLATFORM, python=PYTHON)
    assert (tmp_path / "function.zip").read_bytes() == zipped.read_bytes()


def test_the_zip_is_within_lambdas_limit_with_room_for_bioberts_weights(zipped: Path, artifact: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        others = sum(info.file_size for info in archive.infolist() if not info.filename.startswith("artifact/"))
    assert others < MAX_UNZIPPED_BYTES - 150 * 2**20


def test_no_unused_file_is_in_the_zip_and_every_file_that_is_loaded_is(zipped: Path) -> None:
    found = names(zipped)
    assert not [name for name in found for pattern in UNUSED_FILES if fnmatch(name, pattern)]
    code = (
        "import sys, onnxruntime, biobert_onnx.serving.serverless\n"
        "print(*(getattr(module, '__file__', '') for module in sys.modules.values()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = [Path(path).parts for path in done.stdout.split()]
    inside = {"/".join(parts[parts.index(top) :]) for parts in loaded for top in PACKAGES if top in parts}
    assert len(inside) > 100
    assert not inside - set(found)


def test_every_file_has_one_time_and_mode_and_the_record_names_the_wheels(zipped: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        assert {(info.date_time, info.external_attr >> 16) for info in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644)
        }
        record = json.loads(archive.read("bundle.json"))
    assert (record["platform"], record["python"], record["compiled"]) == (PLATFORM, PYTHON, True)
    assert record["wheels"].keys() == {"numpy", "onnxruntime", "tokenizers"}
    assert record["wheels"]["numpy"]["version"] == np.__version__
    assert all(len(wheel["sha256"]) == 64 for wheel in record["wheels"].values())


def test_the_same_input_gives_the_same_bytes(zipped: Path, artifact: Path, tmp_path: Path) -> None:
    bundle(artifact, tmp_path / "again.zip", platform=PLATFORM, python=PYTHON)
    assert (tmp_path / "again.zip").read_bytes() == zipped.read_bytes()


def status_and_line(*arguments: object) -> tuple[int, str]:
    """The exit status of `biobert-onnx bundle` and the line that it writes to standard error, behind its warnings."""
    command = [sys.executable, "-W", "error", "-m", "biobert_onnx", "bundle", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    (line,) = (line for line in done.stderr.splitlines() if not line.startswith("biobert-onnx: warning: "))
    return done.returncode, line


def test_what_is_too_large_is_refused_with_its_largest_files(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundling, "MAX_UNZIPPED_BYTES", 20_000_000)
    with pytest.raises(BundleError, match=r"AWS Lambda takes 20,000,000; the largest files: onnxruntime/capi/"):
        bundle(artifact, tmp_path / "out.zip", platform=PLATFORM, python=PYTHON)
    assert not list(tmp_path.iterdir())


def test_a_mistake_gets_one_line_and_nothing_is_written(artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    code, line = status_and_line(artifact, out, "--platform", "win_amd64")
    assert code == 2 and "platform is 'win_amd64', expected one of manylinux_2_28_x86_64, manylinux" in line
    code, line = status_and_line(artifact, out, "--python", "3")
    assert code == 2 and "python is '3', expected a version of two numbers, like 3.12" in line
    code, line = status_and_line(artifact, out, "--python", "3.10")
    assert code == 2
    assert line.endswith("python is '3.10', expected 3.11 or later, as the code in the zip needs it: take 3.12 to 3.14")
    code, line = status_and_line(artifact, out, "--python", "3.99")
    assert code == 1
    reason = r"for manylinux_2_28_x86_64 and Python 3\.99 \(No matching distribution found for \S+\): choose another --"
    assert re.search(reason, line)
    code, line = status_and_line(artifact, tmp_path / "none" / "out.zip")
    assert code == 2 and "no such folder" in line
    code, line = status_and_line(tmp_path, out)
    assert code == 1 and "holds no manifest.json" in line
    assert not list(tmp_path.iterdir())


def test_the_oldest_python_is_that_of_the_package() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={'.'.join(map(str, OLDEST_PYTHON))}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_pip_runs_leaves_neither_its_process_nor_its_files(
    artifact: Path, tmp_path: Path, number: signal.Signals
) -> None:
    places = {name: tmp_path / name for name in ("temporary", "out")}
    for place in places.values():
        place.mkdir()
    command = [sys.executable, "-m", "biobert_onnx", "bundle", str(artifact), str(places["out"] / "f.zip")]
    variables = {**os.environ, "TMPDIR": str(places["temporary"])}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=variables, preexec_fn=heed_signals) as process:
        while not (folders := list(places["temporary"].glob("*/pip-*"))):  # its own, in the one of `bundle`
            assert process.poll() is None
            time.sleep(0.01)
        (pip,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert folders and process.returncode == 128 + number, errors.decode()
    assert not Path("/proc", pip).exists()
    assert [list(place.iterdir()) for place in places.values()] == [[], []]


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        (
            "3.11",
            ["AWS Lambda cannot run this zip on Python 3.11, whose C library is too old there: take 3.12 to 3.14"],
        ),
        *((python, []) for python in LAMBDA_PYTHONS),
        (
            "3.20",
            [
                "Python 3.20 is not among those of AWS Lambda that are known to run the zip, 3.12 to 3.14: look "
                "whether Lambda has it now, or take one of these"
            ],
        ),
    ],
)
def test_pythons_that_lambda_may_not_run_are_doubted(python: str, expected: list[str]) -> None:
    arm = "a zip for arm64 ran on emulated CPUs alone, never on AWS Lambda: try the function before you rely on it"
    assert list(doubts(platform="manylinux_2_28_x86_64", python=python)) == expected
    assert list(doubts(platform="manylinux_2_28_aarch64", python=python)) == [*expected, arm]


def run_alone(function: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Answer EVENT in an interpreter that has the standard library and `function`, no site-packages, no variables.

    A test hides /tmp, where a virtual environment's link to the interpreter may lie, and the program too: so this runs
    the interpreter that the link leads to, on the program's text.
    """
    python, program = str(Path(sys.executable).resolve()), (PROGRAMS / "lambda_answer.py").read_text(encoding="utf-8")
    command = [*before, python, "-I", "-S", "-W", "error", "-c", program, str(function), EVENT]
    return subprocess.run(command, capture_output=True, text=True, env={}, cwd="/")


def check_vectors(answer: dict[str, Any], encoder: SentenceEncoder) -> None:
    assert answer["statusCode"] == 200, answer
    assert (np.array(answer["embeddings"], dtype=np.float32) == encoder.encode(TEXTS)).all()


def test_a_clean_interpreter_needs_nothing_but_the_zip(function: Path, encoder: SentenceEncoder) -> None:
    before = sorted(function.rglob("*"))
    done = run_alone(function)
    assert (done.returncode, done.stderr) == (0, "")
    answer, foreign = json.loads(done.stdout)
    check_vectors(answer, encoder)
    assert foreign == []
    assert sorted(function.rglob("*")) == before


def test_it_runs_where_only_tmp_can_be_written(function: Path, encoder: SentenceEncoder) -> None:
    script = (PROGRAMS / "read_only.sh").read_text(encoding="utf-8")
    read_only = ("/usr/bin/env", "unshare", "--mount", "sh", "-c", script, "sh", str(function))
    tried = subprocess.run([*read_only, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"a read-only file system cannot be made here: {tried.stderr.strip()}")
    done = run_alone(Path("/mnt"), *read_only)
    assert (done.returncode, done.stderr) == (0, "")
    check_vectors(json.loads(done.stdout)[0], encoder)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="numpy 2.0 has wheels up to Python 3.12")
@pytest.mark.parametrize("numpy", ["2.0.0", "2.0.2"])
def test_a_zip_with_the_oldest_numpy_starts_and_has_its_licence(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numpy: str
) -> None:
    install(monkeypatch, numpy=numpy)
    bundle(artifact, tmp_path / "out.zip", platform=PLATFORM, python=PYTHON)
    assert f"numpy-{numpy}.dist-info/LICENSE.txt" in names(tmp_path / "out.zip")
    done = run_alone(unzipped(tmp_path / "out.zip", tmp_path / "task"))
    assert (done.returncode, done.stderr) == (0, "")
    check_vectors(json.loads(done.stdout)[0], encoder)


def install(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Have `bundle` take these versions of packages for the installed ones."""
    monkeypatch.setattr(wheels, "version", lambda name: versions.get(name) or distribution(name).version)


def test_numpy_1_is_refused_for_it_cannot_start_without_what_is_left_out(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, numpy="1.26.4")
    message = refusal(artifact, tmp_path, engine=None)
    assert message.startswith("numpy is 1.26.4 here, expected 2.0 or later")
    assert message.endswith("pip install 'numpy>=2.0'")


def test_a_zip_that_cannot_start_is_refused(artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "UNUSED_FILES", (*UNUSED_FILES, "numpy/matrixlib/*"))
    message = refusal(artifact, tmp_path, engine=None)
    assert message.startswith(f"numpy=={np.__version__}, onnxruntime==")
    assert re.search(r"left out of the zip \(\w+Error: .*matrix.*\): install other", message), message
    assert message.endswith("install other versions here, the latest ones, and please report this")


CLIENT_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


@pytest.mark.parametrize("kind", ["on-demand", "snap-start"])
def test_aws_runtime_client_gets_every_event_answered(
    function: Path, encoder: SentenceEncoder, tmp_path: Path, kind: str
) -> None:
    pytest.importorskip("awslambdaric", reason="needs the extra 'interop'")
    for name in CLIENT_MODULES:  # linked one by one, so that no other package of this environment is seen
        spec = find_spec(name)
        assert spec and spec.origin
        place = Path(spec.origin)
        source = place.parent if place.stem == "__init__" else place
        (tmp_path / source.name).symlink_to(source)
    proxied = {"version": "2.0", "requestContext": {"http": {"method": "POST"}}, "body": EVENT}
    with RuntimeServer([EVENT, json.dumps(proxied), '{"texts": [7]}', EVENT]) as server:
        program = str(PROGRAMS / "lambda_client.py")
        variables = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": kind,
        }
        command = [sys.executable, "-I", "-S", program, str(function), str(tmp_path)]
        client = subprocess.Popen(command, stderr=subprocess.PIPE, env=variables, cwd="/")
        answered = server.all_answered.wait(timeout=30)
        client.kill()
        errors = client.communicate()[1]
        server.shutdown()
    assert answered, errors.decode()
    assert server.restored == (kind == "snap-start")
    direct, through_gateway, refusal, again = server.answers
    check_vectors(direct, encoder)
    check_vectors(again, encoder)
    check_vectors({"statusCode": through_gateway["statusCode"], **json.loads(through_gateway["body"])}, encoder)
    assert refusal["statusCode"] == 400


def test_another_machine_and_python_get_their_own_wheels_no_kernels_and_no_bytecode(
    artifact: Path, tmp_path: Path
) -> None:
    other = "3.13" if PYTHON != "3.13" else "3.12"
    (elsewhere,) = set(PLATFORMS) - {PLATFORM}
    made = bundle(artifact, tmp_path / "out.zip", platform=elsewhere, python=other)
    found = names(tmp_path / "out.zip")
    assert not made.compiled
    assert not [name for name in found if name.endswith(LIBRARY.name)]
    assert not [name for name in found if name.endswith(".pyc")]
    tag = f"cpython-{other.replace('.', '')}-{elsewhere.removeprefix('manylinux_2_28_')}"
    assert [name for name in found if tag in name]
    assert {"biobert_onnx/LICENSE", *licences(PACKAGES)} <= set(found)  # the same versions have the same texts
    assert sum(made.items.values()) == made.unzipped < MAX_UNZIPPED_BYTES
    assert (tmp_path / "out.zip").stat().st_size == made.zipped


@pytest.fixture(scope="module")
def kernels_zip(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip for the kernels alone, as the command makes it."""
    path = tmp_path_factory.mktemp("zips") / "kernels.zip"
    command = [sys.executable, "-W", "error", "-m", "biobert_onnx", "bundle", str(artifact), str(path)]
    command += ["--platform", PLATFORM, "--python", PYTHON, "--engine", "kernels"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, DOUBTS)
    return path


@pytest.fixture(scope="module")
def kernels_function(kernels_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that Lambda would unzip it into."""
    return unzipped(kernels_zip, tmp_path_factory.mktemp("task"))


@needs_kernels
def test_a_zip_for_the_kernels_has_packed_weights_in_place_of_onnxruntime_and_the_graphs(
    zipped: Path, kernels_zip: Path
) -> None:
    both, kernels = set(names(zipped)), set(names(kernels_zip))
    assert {name.partition("/")[0].partition("-")[0] for name in both - kernels} == {"artifact", "onnxruntime"}
    assert {name for name in both - kernels if name.startswith("artifact/")} == {
        f"artifact/{name}" for name in ALL_GRAPH_FILES
    }
    assert kernels - both == {f"artifact/{name}" for name in PACKED_FILES if name.startswith("prepacked/")}
    with zipfile.ZipFile(kernels_zip) as archive:
        record = json.loads(archive.read("bundle.json"))
    assert record["engine"] == "kernels" and record["wheels"].keys() == {"numpy", "tokenizers"}


@needs_kernels
def test_a_clean_interpreter_gets_the_same_bits_from_the_zip_for_the_kernels(
    kernels_function: Path, encoder: SentenceEncoder
) -> None:
    before = sorted(kernels_function.rglob("*"))
    done = run_alone(kernels_function)
    assert (done.returncode, done.stderr) == (0, "")
    answer, foreign = json.loads(done.stdout)
    check_vectors(answer, encoder)
    assert answer["engine"] == encoder.engine == "kernels"
    assert foreign == []
    assert sorted(kernels_function.rglob("*")) == before


@needs_kernels
def test_the_artifact_in_the_zip_for_the_kernels_is_whole(kernels_function: Path) -> None:
    assert main(["verify", str(kernels_function / "artifact")]) == 0


@needs_kernels
def test_the_same_input_gives_the_same_zip_for_the_kernels(kernels_zip: Path, artifact: Path, tmp_path: Path) -> None:
    bundle(artifact, tmp_path / "again.zip", platform=PLATFORM, python=PYTHON, engine="kernels")
    assert (tmp_path / "again.zip").read_bytes() == kernels_zip.read_bytes()


@needs_kernels
@pytest.mark.parametrize("engine", [None, "kernels"])
def test_a_packed_artifact_is_bundled_for_the_kernels(
    kernels_zip: Path, artifact: Path, tmp_path: Path, engine: str | None
) -> None:
    bundle(packed(artifact, tmp_path / "packed"), tmp_path / "out.zip", platform=PLATFORM, python=PYTHON, engine=engine)
    with zipfile.ZipFile(kernels_zip) as expected, zipfile.ZipFile(tmp_path / "out.zip") as found:
        assert found.namelist() == expected.namelist()
        for name in set(found.namelist()) - {"bundle.json"}:  # it names the artifact that was bundled
            assert found.read(name) == expected.read(name), name
        assert json.loads(found.read("bundle.json"))["engine"] == "kernels"


@needs_kernels
def test_a_zip_for_onnxruntime_has_no_kernels_and_runs_without_a_warning(artifact: Path, tmp_path: Path) -> None:
    measured = measured_on_kernels(artifact, tmp_path / "measured")
    bundle(measured, tmp_path / "out.zip", platform=PLATFORM, python=PYTHON, engine="onnxruntime")
    assert not [name for name in names(tmp_path / "out.zip") if name.endswith(LIBRARY.name)]
    done = run_alone(unzipped(tmp_path / "out.zip", tmp_path / "task"))
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)[0]
    check_vectors(answer, SentenceEncoder(artifact, engine="onnxruntime"))
    assert answer["engine"] == "onnxruntime"


def refusal(artifact: Path, folder: Path, *, platform: str = PLATFORM, engine: str | None = "kernels") -> str:
    """The message of the BundleError; nothing is written."""
    folder.mkdir(exist_ok=True)
    with pytest.raises(BundleError) as error:
        bundle(artifact, folder / "out.zip", platform=platform, python=PYTHON, engine=engine)
    assert not list(folder.iterdir())
    return str(error.value)


def test_kernels_for_another_machine_are_refused(artifact: Path, tmp_path: Path) -> None:
    (elsewhere,) = set(PLATFORMS) - {PLATFORM}
    message = refusal(artifact, tmp_path, platform=elsewhere)
    assert message.startswith(
        f"the kernels cannot run '{artifact}' in the function, because they are compiled for this"
    )
    assert message.endswith(
        f"and not for platform='{elsewhere}': run bundle there; leave engine= out to get onnxruntime"
    )
    assert "\n" not in message


def test_the_command_refuses_with_its_own_options(artifact: Path, tmp_path: Path) -> None:
    (elsewhere,) = set(PLATFORMS) - {PLATFORM}
    code, line = status_and_line(artifact, tmp_path / "out.zip", "--engine", "kernels", "--platform", elsewhere)
    assert code == 1
    assert f"not for --platform '{elsewhere}': run bundle there; leave --engine out to get onnxruntime" in line


def test_kernels_that_were_not_compiled_are_refused(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundling, "load_library", lambda: load_library.__wrapped__(tmp_path / "absent.so"))
    message = refusal(artifact, tmp_path / "zips")
    assert "their C was not compiled when biobert-onnx was installed: install it again where there is a C" in message


@needs_kernels
def test_kernels_that_need_a_later_c_library_than_lambdas_are_refused(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = tmp_path / LIBRARY.name
    later.write_bytes(LIBRARY.read_bytes() + b"\0GLIBC_2.99\0")
    monkeypatch.setattr(bundling, "LIBRARY", later)
    message = refusal(artifact, tmp_path / "zips")
    assert (
        "because they were compiled with glibc 2.99, and Lambda has 2.34: install biobert-onnx on an older" in message
    )


@needs_kernels
def test_an_artifact_that_the_kernels_cannot_run_is_refused(tmp_path: Path) -> None:
    message = refusal(PROJECT / "tests" / "data" / "format-2" / "fp32", tmp_path)
    assert "because the artifact has precision fp32, and they take int8; leave engine= out to get onnxrunt" in message


@needs_kernels
def test_a_packed_artifact_is_refused_for_onnxruntime(artifact: Path, tmp_path: Path) -> None:
    folder = packed(artifact, tmp_path / "packed")
    message = refusal(folder, tmp_path / "zips", engine="onnxruntime")
    assert message == (
        f"onnxruntime cannot run '{folder}', because a packed artifact has no graphs; leave engine= out, or bundle the "
        "artifact that it was made from"
    )


def test_another_engine_is_refused_by_name(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="engine is 'openvino', expected one of kernels, onnxruntime"):
        bundle(artifact, tmp_path / "out.zip", engine="openvino")
