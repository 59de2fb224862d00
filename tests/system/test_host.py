"""What the daemon does to its host, and that the host's own ways stay as they were."""

import json
import time

import pytest

from conftest import BUILD, INNER, INNER6, NET, NET6, OUTER, SECOND_INNER, SECOND_NET, configuration, netns


def way(host, target, *options):
    """Device, source and MTU that the kernel chooses towards `target`."""
    family = "-6" if ":" in target else "-4"
    return json.loads(host.run("ip", "-j", family, "route", "get", target, *options).stdout)[0]


def everything(**options):
    return configuration(net={"leftsubnet": NET["west"], "rightsubnet": "0.0.0.0/0", **options})


@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
def test_full_tunnel_works_with_a_strict_reverse_path_filter(world, enable_tcp):
    settings = ["net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0.rp_filter"]
    world.west.run("sysctl", "-qw", *(f"{name}=1" for name in settings))
    west, _ = world.pair(everything(enable_tcp=enable_tcp))
    west.up()
    assert world.ping_through() and world.ping_back()
    # What stays outside stays reachable: the link, and whoever is asked with the transport's mark.
    assert world.west.ping("198.51.100.1")
    assert way(world.west, "192.0.2.77")["dev"] == "culvert0"
    assert way(world.west, OUTER["east"], "mark", "0x4356")["dev"] == "eth0"
    west.down()
    assert world.west.run("sysctl", "-n", *settings).stdout.split() == ["1", "1"]


def test_full_tunnel_spares_a_network_that_appears_later(world):
    west, _ = world.pair(everything())
    west.up()
    assert way(world.west, "172.20.0.9")["dev"] == "culvert0"
    world.west.run("ip", "addr", "add", "172.20.0.1/24", "dev", "eth0")
    netns.wait_until(lambda: way(world.west, "172.20.0.9")["dev"] == "eth0", 10, "the new network being spared")
    world.west.run("ip", "addr", "del", "172.20.0.1/24", "dev", "eth0")
    netns.wait_until(lambda: way(world.west, "172.20.0.9")["dev"] == "culvert0", 10, "the old way again")
    assert world.ping_through()


def test_routes_carry_source_and_mtu(world):
    west, _ = world.pair(configuration(net={"leftsubnet": f"{NET['west']},{NET6['west']}",
                                            "rightsubnet": f"{NET['east']},{NET6['east']}", "mtu": "1333"}))
    west.up()
    for inner in (INNER, INNER6):
        found = way(world.west, inner["east"])
        assert found["dev"] == "culvert0" and found["prefsrc"] == inner["west"]
        assert any(metric.get("mtu") == 1333 for metric in found["metrics"])
    # No source named: the route's own.
    assert world.west.ping(INNER["east"]) and world.west.ping(INNER6["east"])


def test_leftsourceip_is_lent_to_the_host(world):
    west, _ = world.pair(configuration(net={"leftsourceip": "10.91.1.200"}))
    west.up()
    assert way(world.west, INNER["east"])["prefsrc"] == "10.91.1.200"
    assert world.west.ping(INNER["east"])
    west.down()
    assert "10.91.1.200" not in world.west.run("ip", "addr").stdout


def test_kill_without_mercy_leaves_nothing_after_the_next_start_that_fails(world):
    """Cleaning up does not wait for a good configuration: the host gets its network back in any case."""
    west, _ = world.pair(everything())
    west.up()
    west.process.kill()
    west.process.wait()
    west.process = None
    assert "17238" in world.west.run("ip", "rule").stdout
    west.config.write_text("config setup\n    nonsense=1\n")
    done = world.west.run(BUILD / "src/daemon/culvertd", "--config", west.config, "--secrets", west.secrets, "--run-dir", west.folder,
                          check=False, timeout=20)
    assert done.returncode == 1
    assert "17238" not in world.west.run("ip", "rule").stdout
    assert world.west.ping(OUTER["east"])


# --- scripts ---------------------------------------------------------------------------

def updown(world, body):
    """A script that first writes its PLUTO_* environment to a file, one line a run."""
    script, seen = world.net.folder / "updown", world.net.folder / "seen"
    script.write_text(f"#!/bin/sh\nenv | grep -E '^(PLUTO|SPI)' | sort | tr '\\n' ';' >> {seen}\necho >> {seen}\n{body}\n")
    script.chmod(0o755)
    return script, seen


def runs(seen):
    """The environment of each run so far."""
    if not seen.exists():
        return []
    return [dict(word.split("=", 1) for word in line.split(";") if word) for line in seen.read_text().splitlines() if line]


def test_updown_is_told_what_libreswan_tells(world):
    script, seen = updown(world, "echo the script was here; echo and complains >&2")
    west, _ = world.pair(configuration(net={"leftupdown": script}))
    west.up()
    netns.wait_until(lambda: len(runs(seen)) == 3, 20, "three runs at up")
    west.down()
    netns.wait_until(lambda: len(runs(seen)) == 5, 20, "two runs at down")
    said = runs(seen)
    assert [run["PLUTO_VERB"] for run in said] == ["prepare-client", "route-client", "up-client", "down-client", "unroute-client"]
    for run in said:
        expected = {"PLUTO_CONNECTION": "net", "PLUTO_ME": OUTER["west"], "PLUTO_PEER": OUTER["east"], "PLUTO_MY_ID": "@west",
                    "PLUTO_PEER_ID": "@east", "PLUTO_MY_CLIENT": NET["west"], "PLUTO_MY_CLIENT_NET": "10.91.1.0",
                    "PLUTO_MY_CLIENT_MASK": "255.255.255.0", "PLUTO_PEER_CLIENT": NET["east"], "PLUTO_INTERFACE": "eth0",
                    "PLUTO_VIRT_INTERFACE": "culvert0", "PLUTO_NEXT_HOP": "198.51.100.1", "PLUTO_MY_PROTOCOL": "0"}
        assert {name: run.get(name) for name in expected} == expected
    assert "the script was here" in west.log() and "and complains" in west.log()


def test_updown_of_ipv6_and_of_the_host_itself_has_other_verbs(world):
    script, seen = updown(world, "")
    west, _ = world.pair(configuration(net={"leftsubnet": None, "leftupdown": script},
                                       six={"leftsubnet": NET6["west"], "rightsubnet": NET6["east"], "leftupdown": script}))
    west.up("net")
    west.up("six")
    netns.wait_until(lambda: len(runs(seen)) == 6, 20, "the runs at up")
    verbs = {run["PLUTO_VERB"] for run in runs(seen)}
    assert {"up-host", "up-client-v6"} <= verbs


def test_slow_updown_delays_nobody_and_keeps_its_order(world):
    script, seen = updown(world, "sleep 2")
    west, _ = world.pair(configuration(net={"leftupdown": script}))
    west.up()
    begin = time.monotonic()
    assert world.ping_through(count=1)
    assert west.status()
    assert time.monotonic() - begin < 2, "the daemon waited for the script"
    west.down()
    netns.wait_until(lambda: len(runs(seen)) == 5, 30, "all runs, one after the other")
    assert [run["PLUTO_VERB"].partition("-")[0] for run in runs(seen)] == ["prepare", "route", "up", "down", "unroute"]


def test_failing_updown_is_told_and_the_tunnel_works(world):
    script, _ = updown(world, "exit 3")
    west, _ = world.pair(configuration(net={"leftupdown": script}))
    west.up()
    assert world.ping_through()
    netns.wait_until(lambda: "exit status 3" in west.log(), 10, "the log line")


# --- several of everything -------------------------------------------------------------

def test_two_tunnels_to_one_peer_keep_their_own_routes(world):
    west, _ = world.pair(configuration(net={}, other={"leftsubnet": SECOND_NET["west"], "rightsubnet": SECOND_NET["east"]}))
    west.up("net")
    west.up("other")
    assert world.ping_through() and world.ping_through(SECOND_INNER["west"], SECOND_INNER["east"])
    west.down("net")
    assert way(world.west, INNER["east"])["dev"] == "eth0"
    assert world.ping_through(SECOND_INNER["west"], SECOND_INNER["east"])


def test_a_hundred_connections(world):
    conns = {f"c{number}": {"leftsubnet": f"10.91.1.{number}/32", "rightsubnet": f"10.91.2.{number}/32", "auto": "add"}
             for number in range(1, 101)}
    for host, net in ((world.west, 1), (world.east, 2)):
        for number in range(2, 101):
            host.run("ip", "addr", "add", f"10.91.{net}.{number}/32", "dev", "lo")
    west, east = world.pair(configuration(setup={"uniqueids": "no"}, **conns))
    commands = [world.west.spawn(*west.command("up", name)) for name in conns]
    for command in commands:
        assert command.wait(60) == 0
    status = west.status()
    assert [conn["state"] for conn in status["connections"]] == ["up"] * 100
    for number in (1, 50, 100):
        assert world.ping_through(f"10.91.1.{number}", f"10.91.2.{number}", count=1)
    routes = world.west.run("ip", "route", "show", "table", "17238").stdout
    assert len(routes.splitlines()) == 100
    for daemon in (west, east):
        assert daemon.stop() == 0
    assert "17238" not in world.west.run("ip", "rule").stdout
