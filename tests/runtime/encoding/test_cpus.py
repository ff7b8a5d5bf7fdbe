"""Worker threads: as many as affinity and quotas allow, and idle when there is nothing to do."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding.cpus import cgroup_quota, usable_cpus

V2_MOUNT = "\n29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot"
V1_MOUNT = "\n32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct"
OTHER_MOUNTS = """22 1 254:0 / / rw,relatime - ext4 /dev/root rw
23 22 0:21 / /proc rw,nosuid shared:5 master:1 - proc proc rw
30 22 8:1 / /mnt/d\udce9j\udce0\\040vu\u2028\x0c rw - vfat /dev/sdb1 rw
37 31 0:34 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory"""


def system(root: Path, *, mounts: str, groups: str, files: dict[str, str]) -> Path:
    """`root`, with the files of a running system: /proc/self and control groups below /sys/fs/cgroup."""
    contents = {"proc/self/mountinfo": f"{OTHER_MOUNTS}{mounts}\n", "proc/self/cgroup": groups}
    contents |= {f"sys/fs/cgroup/{name}": content for name, content in files.items()}
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(errors="surrogateescape"))
    return root


@pytest.mark.parametrize(("quota", "cpus"), [("150000 100000", 1.5), ("1000 1000000", 0.001), ("max 100000", math.inf)])
def test_the_quota_of_a_container_with_its_own_view_of_version_2(tmp_path: Path, quota: str, cpus: float) -> None:
    root = system(tmp_path, mounts=V2_MOUNT, groups="0::/\n", files={"cpu.max": f"{quota}\n"})
    assert cgroup_quota(root) == cpus


def test_the_least_quota_of_a_group_and_its_ancestors_binds_in_version_2(tmp_path: Path) -> None:
    files = {
        "user.slice/cpu.max": "max 100000\n",
        "user.slice/jobs/cpu.max": "250000 100000\n",
        "user.slice/jobs/one/cpu.max": "400000 100000\n",
        "elsewhere/cpu.max": "50000 100000\n",
    }
    root = system(tmp_path, mounts=V2_MOUNT, groups="0::/user.slice/jobs/one\n", files=files)
    assert cgroup_quota(root) == 2.5


@pytest.mark.parametrize(("quota", "cpus"), [("300000", 3), ("50000", 0.5), ("-1", math.inf)])
def test_the_quota_of_version_1_in_a_container_that_sees_the_path_of_the_host(
    tmp_path: Path, quota: str, cpus: float
) -> None:
    files = {"cpu,cpuacct/cpu.cfs_quota_us": f"{quota}\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}
    groups = "5:memory:/docker/4c1d\n4:cpu,cpuacct:/docker/4c1d\n1:name=systemd:/docker/4c1d\n"
    root = system(tmp_path, mounts=V1_MOUNT.format(root="/docker/4c1d"), groups=groups, files=files)
    assert cgroup_quota(root) == cpus


def test_an_ancestors_quota_binds_in_version_1(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/jobs/cpu.cfs_quota_us": "150000\n",
        "cpu,cpuacct/jobs/cpu.cfs_period_us": "50000\n",
        "cpu,cpuacct/jobs/one/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/jobs/one/cpu.cfs_period_us": "100000\n",
    }
    root = system(tmp_path, mounts=V1_MOUNT.format(root="/"), groups="4:cpu,cpuacct:/jobs/one\n0::/\n", files=files)
    assert cgroup_quota(root) == 3


def test_a_container_moved_to_another_group_keeps_the_quota_that_is_mounted(tmp_path: Path) -> None:
    files = {"cpu,cpuacct/cpu.cfs_quota_us": "200000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}
    groups = "4:cpu,cpuacct:/garden/new/4c1d\n"
    root = system(tmp_path, mounts=V1_MOUNT.format(root="/garden/old/4c1d"), groups=groups, files=files)
    assert cgroup_quota(root) == 2


def test_both_versions_at_once_are_read(tmp_path: Path) -> None:
    mounts = f"{V1_MOUNT.format(root='/')}\n41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw"
    files = {
        "cpu,cpuacct/jobs/cpu.cfs_quota_us": "150000\n",
        "cpu,cpuacct/jobs/cpu.cfs_period_us": "100000\n",
        "unified/jobs/cgroup.procs": "17\n",
    }
    root = system(tmp_path, mounts=mounts, groups="4:cpu,cpuacct:/jobs\n0::/jobs\n", files=files)
    assert cgroup_quota(root) == 1.5


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path) == math.inf
    assert cgroup_quota(system(tmp_path, mounts="", groups="", files={})) == math.inf


def new_group() -> Path:
    """A new control group of this system with a CPU controller; skips the test where none can be made."""
    name = f"biobert-onnx-test-{os.getpid()}"
    reasons = []
    for parent in (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")):
        folder = parent / name
        try:
            folder.mkdir()
        except OSError as error:
            reasons.append(str(error))
            continue
        if (folder / "cpu.cfs_quota_us").exists() or (folder / "cpu.max").exists():
            return folder
        folder.rmdir()
        reasons.append(f"'{parent}' has no CPU controller")
    pytest.skip(f"no control group can be made: {'; '.join(reasons)}")


@pytest.fixture
def group() -> Iterator[Path]:
    folder = new_group()
    yield folder
    folder.rmdir()


@pytest.mark.parametrize(("quota", "cpus"), [(50_000, 1), (150_000, 2)])
def test_the_kernels_own_quota_is_kept(group: Path, quota: int, cpus: int) -> None:
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{quota} 100000")
    else:
        (group / "cpu.cfs_period_us").write_text("100000")
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    code = f"""import os, pathlib
pathlib.Path({str(group / "cgroup.procs")!r}).write_text(str(os.getpid()))
from biobert_onnx.encoding.cpus import cgroup_quota, usable_cpus
print(cgroup_quota(pathlib.Path("/")), usable_cpus())"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == [str(quota / 100_000), str(min(cpus, usable_cpus()))], done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps no affinity masks")
def test_the_affinity_mask_is_kept() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from biobert_onnx.encoding.cpus import usable_cpus; print(usable_cpus())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_an_idle_encoder_uses_no_cpu_time(encoder: SentenceEncoder) -> None:
    encoder.encode(["Sepsis", "A longer text, in another micro-batch."])
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1
