"""culvert against Debian's strongSwan 5.9.8 with its own ESP in user space, over UDP, on this machine's kernel."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import BUILD, LAB, output_of

ROLES = pytest.mark.parametrize("role", ["initiates", "responds"])


@pytest.fixture
def run(strongswan):
    # Short: the path of a socket has 108 octets.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cvpeer-"))
    prefix = f"cvpeer{os.getpid()}-"
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(pathlib.Path.home()),
           "LAB_DIR": str(LAB), "LAB_PREFIX": prefix, "LAB_STATE": str(folder / "state"), "TMPDIR": str(folder),
           "CULVERT_BUILD": str(BUILD)}

    def go(*arguments):
        status, said = output_of(pathlib.Path(__file__).parent / "strongswan.sh", *arguments, limit=400, env=env)
        print(said)
        assert status == 0, f"strongswan.sh {' '.join(map(str, arguments))} ended with {status}"

    yield go
    # Whatever became of the script: its namespaces and what runs in them go.
    subprocess.run(["sh", str(LAB / "topology.sh"), "net-down"], env=env, check=False)
    shutil.rmtree(folder, ignore_errors=True)


@ROLES
def test_bulk_both_ways_and_down(run, role):
    run("bulk", role)


@ROLES
def test_down_by_strongswan(run, role):
    run("down_by_strongswan", role)


@ROLES
def test_down_by_culvert(run, role):
    run("down_by_culvert", role)


@ROLES
@pytest.mark.parametrize("outer, inner", [(6, 6), (4, 6), (6, 4)])
def test_ipv6(run, role, outer, inner):
    run("ipv6", role, outer, inner)


@ROLES
@pytest.mark.parametrize("theirs_ike, theirs_esp, ike, esp", [
    ("aes256gcm16-prfsha384-ecp384", "aes256gcm16", "aes_gcm256-sha2_384;dh20", "aes_gcm256"),
    ("aes128-sha256-x25519", "aes128-sha256", "aes128-sha2_256;dh31", "aes128-sha2_256"),
    ("chacha20poly1305-prfsha256-modp2048", "chacha20poly1305", "chacha20_poly1305-sha2_256;dh14", "chacha20_poly1305"),
    ("aes256-sha512-ecp521", "aes256-sha512", "aes256-sha2_512;dh21", "aes256-sha2_512"),
])
def test_transforms(run, role, theirs_ike, theirs_esp, ike, esp):
    run("transforms", role, theirs_ike, theirs_esp, ike, esp)


@ROLES
def test_wrong_key(run, role):
    run("wrong_key", role)
