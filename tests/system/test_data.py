"""What goes through the tunnel arrives whole, and nothing of it can be seen outside."""

import re
import subprocess

import pytest

import netns
from conftest import INNER, INNER6, NET, NET6, OUTER, OUTER6, configuration, program

MEGABYTE = 1000 * 1000


def pair_up(world, **options):
    west, east = world.pair(configuration(net=options))
    west.up()
    assert world.ping_through()
    return west, east


@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
def test_bulk_both_ways_with_hash(world, enable_tcp):
    west, _ = pair_up(world, **{"enable-tcp": enable_tcp})
    netns.transfer(world.west, INNER["west"], world.east, INNER["east"], 100 * MEGABYTE)
    netns.transfer(world.east, INNER["east"], world.west, INNER["west"], 100 * MEGABYTE)
    child = west.children()[0]
    assert child["bytes_out"] > 100 * MEGABYTE and child["bytes_in"] > 100 * MEGABYTE
    assert world.packets("clear") == 0


@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
@pytest.mark.parametrize("outer, inner", [(4, 6), (6, 4)])
def test_bulk_across_families(world, enable_tcp, outer, inner):
    outers = OUTER if outer == 4 else OUTER6
    nets, inners = (NET, INNER) if inner == 4 else (NET6, INNER6)
    west, _ = world.pair(configuration(net={"left": outers["west"], "right": outers["east"], "leftsubnet": nets["west"],
                                            "rightsubnet": nets["east"], "enable-tcp": enable_tcp}))
    west.up()
    netns.transfer(world.west, inners["west"], world.east, inners["east"], 20 * MEGABYTE)


@pytest.mark.parametrize("esp", ["aes_gcm128", "aes_gcm256", "chacha20_poly1305", "aes128-sha2_256", "aes256-sha2_512"])
def test_every_transform_carries_bulk(world, esp):
    pair_up(world, esp=esp)
    netns.transfer(world.west, INNER["west"], world.east, INNER["east"], 10 * MEGABYTE)


@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
def test_bulk_without_offload_on_the_wire(world, enable_tcp):
    """As on a real network card: no super-packet of the kernel's passes between the namespaces."""
    program("ethtool")
    for host in (world.west, world.east):
        host.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off", "tx", "off", "rx", "off")
        world.between.run("ethtool", "-K", host.name, "tso", "off", "gso", "off", "gro", "off", "tx", "off", "rx", "off")
    pair_up(world, **{"enable-tcp": enable_tcp})
    netns.transfer(world.west, INNER["west"], world.east, INNER["east"], 10 * MEGABYTE)


@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
def test_bulk_over_a_network_that_loses_packets(world, enable_tcp):
    pair_up(world, **{"enable-tcp": enable_tcp})
    world.fault("numgen random mod 1000 < 5 drop")
    netns.transfer(world.west, INNER["west"], world.east, INNER["east"], 2 * MEGABYTE)


def big_ping(host, source, target, size):
    done = host.run("ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", size, "-I", source, target, check=False)
    return done.stdout, done.stderr


def largest_ping(host, source, target, header):
    """The largest IP packet that passes unfragmented, as ping finds it out."""
    def passes(size):
        return host.ping(target, "-I", source, "-M", "do", "-s", size - header - 8, seconds=2)
    low, high = 576 if ":" not in target else 1280, 9000
    assert passes(low)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


@pytest.mark.parametrize("inner, header, source", [(INNER, 20, "10.91.1.130"), (INNER6, 40, "fd91:1:0:0:8000::130")])
@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
def test_too_big_is_answered_with_the_mtu_that_then_passes(world, inner, header, source, enable_tcp):
    """A host behind the gateway, on a link with a larger MTU, does not know the tunnel's: it is told."""
    west, _ = world.pair(configuration(net={"leftsubnet": f"{NET['west']},{NET6['west']}", "rightsubnet": f"{NET['east']},{NET6['east']}",
                                            "enable-tcp": enable_tcp}))
    west.up()
    inside = world.net.add_host("inside")
    world.net.link(inside, "eth0", ["10.91.1.130/25", "fd91:1:0:0:8000::130/65"], world.west, "lan",
                   ["10.91.1.129/25", "fd91:1:0:0:8000::129/65"], mtu=9000)
    inside.run("ip", "route", "add", "default", "via", "10.91.1.129")
    inside.run("ip", "route", "add", "default", "via", "fd91:1:0:0:8000::129")
    target = inner["east"]
    netns.wait_until(lambda: inside.ping(target, "-I", source), 10, "a ping from inside")
    mtus = [int(mtu) for size in (3000, 1450) for mtu in
            re.findall(r"mtu ?= ?(\d+)", "".join(said for said in big_ping(inside, source, target, size)))]
    assert mtus, "nobody said what is too big"
    assert 1280 <= mtus[-1] < 1500
    assert largest_ping(inside, source, target, header) == mtus[-1]
    assert west.children()[0]["mtu"] == mtus[-1]


def test_configured_mtu_is_the_tunnels(world):
    west, _ = pair_up(world, mtu="1300")
    assert largest_ping(world.west, INNER["west"], INNER["east"], 20) == 1300


def test_wire_shows_no_inner_packet(world):
    """Every packet that the network between forwards is IKE or ESP between the gateways; no inner address or text in it."""
    stop_capture = world.capture(world.between, "any")
    west, _ = pair_up(world, **{"enable-tcp": "fallback"})
    secret = "616e6f70656e73656372657421"  # what the pings carry
    assert world.west.ping(INNER["east"], "-I", INNER["west"], "-p", secret, "-s", "1000", count=5)
    netns.transfer(world.west, INNER["west"], world.east, INNER["east"], MEGABYTE)
    west.down()
    file = stop_capture()
    octets = file.read_bytes()
    assert len(octets) > MEGABYTE
    assert bytes.fromhex(secret) not in octets
    # What the hosts say to their neighbours (ARP, ND, MLD) has nothing to do with the tunnel.
    other = "not (udp port 500 or udp port 4500 or arp or icmp6 or ip6 multicast)"
    assert world.between.run("tcpdump", "-n", "-r", file, other).stdout == ""
    inner = "net 10.91.0.0/16 or net fd91::/16"
    assert world.between.run("tcpdump", "-n", "-r", file, inner).stdout == ""


def test_inner_packet_with_a_foreign_source_is_dropped(world):
    """The other end may send only what the selectors allow."""
    world.daemon("east", configuration(net={}))
    west = world.daemon("west", configuration(net={}))
    west.up()
    world.west.run("ip", "addr", "add", "10.91.99.1/32", "dev", "lo")
    assert not world.west.ping(INNER["east"], "-I", "10.91.99.1")
    assert world.packets("clear") == 0
    assert world.ping_through()


def test_traffic_goes_on_while_nothing_is_said_between_the_daemons(world):
    """Idle control plane: a transfer both ways at once."""
    pair_up(world, **{"enable-tcp": "yes"})
    servers = [host.spawn("iperf3", "-s", "-1", "-B", INNER[name], stdout=subprocess.DEVNULL)
               for name, host in (("east", world.east),)] if program("iperf3") else []
    netns.wait_until(lambda: "5201" in world.east.run("ss", "-Hltn").stdout, 10, "iperf3")
    text = world.west.run("iperf3", "-c", INNER["east"], "-B", INNER["west"], "-n", "20M", "--bidir", timeout=300).stdout
    assert "receiver" in text and len(servers) == 1
