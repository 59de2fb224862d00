"""tshark, which nobody here wrote, reads a capture of our own traffic with our keys and finds nothing wrong."""

import os
import re
import subprocess

import pytest

import netns
from conftest import INNER, ROOT, configuration, program

UNWRAP = ROOT / "tests" / "lab" / "tools" / "tcpencap2udp"


def tshark(folder, file, *options):
    env = {**os.environ, "WIRESHARK_CONFIG_DIR": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    done = subprocess.run(["tshark", "-r", str(file), "-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
                           "-o", "esp.enable_null_encryption_decode_heuristic:FALSE",
                           # What is moved is random: nothing for a dissector.
                           "-d", f"tcp.port=={netns.TRANSFER_PORT},data", *options],
                          env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("ike, esp", [("aes_gcm256-sha2_512;dh31", "aes_gcm256"), ("aes128-sha2_256;dh19", "aes128-sha2_256")])
@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
def test_tshark_reads_our_traffic_and_finds_nothing_malformed(world, enable_tcp, ike, esp):
    program("tshark")
    program("ethtool")
    for host in (world.west, world.east):
        host.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off", "tx", "off", "rx", "off")
    keys = world.net.folder / "keys"
    keys.mkdir(mode=0o700)
    text = configuration(net={"enable-tcp": enable_tcp, "ike": ike, "esp": esp, "encapsulation": "yes" if enable_tcp == "no" else None})
    world.daemon("east", text)
    west = world.daemon("west", text, "--keylog", keys)
    stop_capture = world.capture(world.west, "eth0")
    west.up()
    assert world.ping_through(count=3)
    netns.transfer(world.west, INNER["west"], world.east, INNER["east"], 200000)
    west.down()
    west.stop()
    file = stop_capture()
    if enable_tcp == "yes":
        plain = world.net.folder / "unwrapped.pcap"
        done = subprocess.run([str(UNWRAP), str(file), str(plain)], capture_output=True, text=True, check=True)
        assert done.stderr == "", "the stream is not what RFC 9329 says"
        file = plain

    assert tshark(keys, file, "-Y", "_ws.malformed or _ws.expert.group == \"Malformed\"") == ""
    exchanges = tshark(keys, file, "-Y", "isakmp", "-T", "fields", "-e", "isakmp.exchangetype").split()
    assert {"34", "35", "37"} <= set(exchanges), "IKE_SA_INIT, IKE_AUTH and INFORMATIONAL were all seen"
    # Decrypted: what stands inside the encrypted payloads is read by name.
    inside = tshark(keys, file, "-Y", "isakmp.exchangetype == 35", "-V")
    assert "Decrypted Data" in inside
    for payload in ("Identification - Initiator", "Identification - Responder", "Authentication", "Traffic Selector - Initiator"):
        assert payload in inside, f"{payload} was not decrypted"
    assert "Delete" in tshark(keys, file, "-Y", "isakmp.exchangetype == 37", "-V")
    pings = tshark(keys, file, "-Y", f"esp and icmp and ip.addr == {INNER['east']}", "-T", "fields", "-e", "icmp.type").split()
    assert pings.count("8") >= 3 and pings.count("0") >= 3, "the pings were not found in the decrypted ESP"
    everything = tshark(keys, file, "-Y", "esp", "-V")
    assert "Bad" not in "".join(re.findall(r"(?:Authentication Data|ICV).*", everything))
