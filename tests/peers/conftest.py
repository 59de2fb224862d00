"""Runs scripts in the lab's guest (tests/lab), or on this machine's kernel."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = ROOT / "tests" / "lab"
BUILD = pathlib.Path(os.environ.get("CULVERT_BUILD", ROOT / "build")).resolve()


def output_of(*command, limit=900, **options):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=limit, **options)
    return done.returncode, done.stdout


@pytest.fixture(scope="session")
def guest():
    """Runs a script in the guest and fails the test when it fails; skips it where the guest cannot run."""
    if not (BUILD / "src/daemon/culvertd").exists():
        pytest.fail(f"no culvertd in {BUILD}: build it first")
    status, said = output_of(LAB / "lab", "exec", "--time", "60", "true")
    if status:
        pytest.skip(f"the lab's guest does not start here: {said.strip().splitlines()[-1] if said.strip() else status}")

    def run(script, *arguments, time_travel=False, seconds=300, out=None, env=()):
        options = ["--mem", "1G", "--time", str(seconds), "--env", f"CULVERT_BUILD={BUILD}"]
        options += ["--time-travel"] if time_travel else []
        options += ["--out", str(out)] if out else []
        for setting in env:
            options += ["--env", setting]
        status, said = output_of(LAB / "lab", "run", *options, pathlib.Path(__file__).parent / script, *arguments, limit=seconds + 120)
        print(said)
        assert status == 0, f"{script} {' '.join(map(str, arguments))} ended with {status}"
        return said

    return run


@pytest.fixture(scope="session")
def libreswan(guest):
    """The same, for the scripts that need Debian's libreswan."""
    if subprocess.run(["sh", "-c", "command -v ipsec"], capture_output=True).returncode:
        pytest.skip("libreswan is not installed (Debian: libreswan)")
    return lambda *arguments, **options: guest("libreswan.sh", *arguments, **options)


@pytest.fixture(scope="session")
def strongswan():
    """Debian's strongSwan, unpacked in the lab's cache, on this machine's kernel."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        pytest.skip("strongSwan on this kernel needs root and /dev/net/tun")
    status, said = output_of(LAB / "peers" / "strongswan", "fetch")
    if status:
        pytest.skip(f"strongSwan's packages cannot be had: {said.strip().splitlines()[-1] if said.strip() else status}")
