"""A tunnel comes up over each transport, carries what its selectors say, and goes away again."""

import pytest

import netns
from conftest import INNER, INNER6, NET, NET6, OUTER, OUTER6, SECOND_INNER, SECOND_NET, configuration


def assert_works(world, transport, name="net"):
    """Pings pass both ways, nothing of them unencrypted, and both ends say which transport carries it."""
    assert world.ping_through() and world.ping_back()
    for daemon in world.daemons.values():
        assert daemon.sa(name)["transport"] == transport
    assert world.packets("clear") == 0


# --- which way to the peer ---------------------------------------------------------

def test_udp(world):
    west, _ = world.pair(configuration(net={"enable-tcp": "no"}))
    west.up()
    assert_works(world, "udp")
    assert world.packets("tcp") == 0


def test_tcp_sends_no_udp_packet(world):
    west, _ = world.pair(configuration(net={"enable-tcp": "yes"}))
    west.up()
    assert_works(world, "tcp")
    assert world.packets("udp") == 0


def test_fallback_stays_on_udp_where_it_passes(world):
    west, _ = world.pair(configuration(net={"enable-tcp": "fallback"}))
    west.up()
    assert_works(world, "udp")


def test_fallback_moves_to_tcp_where_udp_is_dropped_after_trying_it_twice(world):
    world.fault("meta l4proto udp drop")
    west, _ = world.pair(configuration(net={"enable-tcp": "fallback"}))
    said = west.up()
    assert_works(world, "tcp")
    assert world.packets("udp") >= 2
    assert "UDP" in said and "TCP" in said
    assert "UDP" in west.sa()["transport_why"]


def test_fallback_moves_to_tcp_where_udp_is_refused(world):
    world.fault("meta l4proto udp reject")
    west, _ = world.pair(configuration(net={"enable-tcp": "fallback"}))
    west.up()
    assert_works(world, "tcp")
    # A refusal is believed at once: no retransmission was waited for.
    assert world.packets("udp") <= 2


def test_fallback_uses_tcp_where_the_daemon_has_no_udp_at_all(world):
    west, _ = world.pair(configuration({"listen-udp": "no"}, net={"enable-tcp": "fallback"}))
    west.up()
    assert_works(world, "tcp")
    assert world.packets("udp") == 0


def test_udp_only_fails_with_a_reason_where_udp_is_dropped(world):
    world.fault("meta l4proto udp drop")
    west, _ = world.pair(configuration(net={"enable-tcp": "no", "retransmit-timeout": "2s"}))
    done = west.ctl("up", "net", check=False)
    assert done.returncode != 0
    assert "no answer" in done.stdout + done.stderr
    assert world.packets("tcp") == 0
    assert not world.ping_through(count=1)


def test_refused_tcp_is_reported_as_refused(world):
    world.daemon("east", configuration({"listen-tcp": "no"}, net={"enable-tcp": "yes"}))
    west = world.daemon("west", configuration(net={"enable-tcp": "yes", "retransmit-timeout": "2s"}))
    done = west.ctl("up", "net", check=False)
    assert done.returncode != 0
    assert "refused" in done.stdout + done.stderr


@pytest.mark.parametrize("enable_tcp", ["yes", "no"])
@pytest.mark.parametrize("listen_tcp, listen_udp", [("yes", "yes"), ("yes", "no"), ("no", "yes"), (None, None), ("yes", None)])
def test_each_transport_works_exactly_where_the_responder_listens(world, listen_tcp, listen_udp, enable_tcp):
    world.daemon("east", configuration({"listen-tcp": listen_tcp, "listen-udp": listen_udp}, net={"enable-tcp": enable_tcp}))
    # What the initiator itself listens on does not matter to its TCP.
    west = world.daemon("west", configuration({"listen-tcp": "no"}, net={"enable-tcp": enable_tcp, "retransmit-timeout": "2s"}))
    listens = listen_tcp == "yes" if enable_tcp == "yes" else listen_udp != "no"
    assert (west.ctl("up", "net", check=False).returncode == 0) == listens
    if listens:
        assert_works(world, "tcp" if enable_tcp == "yes" else "udp")
    else:
        assert not world.ping_through(count=1)


@pytest.mark.parametrize("port", [443, 4500, 8443])
def test_every_listed_tcp_port_works(world, port):
    for rule in (f"tcp dport {port} return", f"tcp sport {port} return", "meta l4proto { tcp, udp } drop"):
        world.fault(rule)
    world.daemon("east", configuration({"listen-tcp": "443,4500,8443"}, net={"enable-tcp": "yes"}))
    west = world.daemon("west", configuration(net={"enable-tcp": "yes", "tcp-remoteport": port}))
    west.up()
    assert_works(world, "tcp")


def test_remote_ikeport_names_the_tcp_port_too(world):
    world.daemon("east", configuration({"listen-tcp": "443"}, net={"enable-tcp": "yes"}))
    west = world.daemon("west", configuration({"listen-tcp": "no"}, net={"enable-tcp": "yes", "rightikeport": "443"}))
    west.up()
    assert_works(world, "tcp")


def test_listen_restricts_to_one_address(world):
    world.east.run("ip", "addr", "add", "203.0.113.3/24", "dev", "eth0")
    world.daemon("east", configuration({"listen": "203.0.113.3"}, net={"enable-tcp": "yes", "right": "203.0.113.3"}))
    west = world.daemon("west", configuration({"listen-tcp": "no"}, net={"enable-tcp": "yes", "retransmit-timeout": "2s"},
                                              other={"enable-tcp": "yes", "right": "203.0.113.3"}))
    assert west.ctl("up", "net", check=False).returncode != 0
    west.up("other")
    assert world.ping_through()


def test_encapsulation_on_port_4500_without_nat(world):
    west, _ = world.pair(configuration(net={"enable-tcp": "no", "encapsulation": "yes"}))
    world.fault("meta l4proto esp drop")
    west.up()
    assert_works(world, "udp")


# --- NAT ---------------------------------------------------------------------------

@pytest.mark.parametrize("enable_tcp, transport", [("no", "udp"), ("yes", "tcp")])
def test_initiator_behind_nat(world, enable_tcp, transport):
    world.between.nft("""table ip nat {
        chain post {
            type nat hook postrouting priority 100;
            oifname "east" ip saddr 198.51.100.0/24 meta l4proto { tcp, udp } masquerade to :20000-29999
        }
    }""")
    world.daemon("east", configuration(net={"left": "%any", "enable-tcp": enable_tcp}))
    west = world.daemon("west", configuration(net={"enable-tcp": enable_tcp}))
    west.up()
    assert_works(world, transport)
    assert west.sa()["nat_local"] and not west.sa()["nat_remote"]


# --- families, subnets, selectors ----------------------------------------------------

@pytest.mark.parametrize("enable_tcp, transport", [("no", "udp"), ("yes", "tcp")])
@pytest.mark.parametrize("outer, inner", [(4, 6), (6, 4), (6, 6)])
def test_ipv6_outside_and_inside(world, enable_tcp, transport, outer, inner):
    nets, outers, inners = (NET, OUTER, INNER) if inner == 4 else (NET6, OUTER, INNER6)
    outers = OUTER if outer == 4 else OUTER6
    west, _ = world.pair(configuration(net={"left": outers["west"], "right": outers["east"], "leftsubnet": nets["west"],
                                            "rightsubnet": nets["east"], "enable-tcp": enable_tcp}))
    west.up()
    assert world.ping_through(inners["west"], inners["east"]) and world.ping_back(inners["east"], inners["west"])
    assert west.sa()["transport"] == transport
    assert world.packets("clear") == 0


@pytest.mark.parametrize("option", ["subnet", "subnets"])
def test_several_subnets(world, option):
    """leftsubnet= with several: one Child SA; leftsubnets=: one for each pair."""
    west, _ = world.pair(configuration(net={
        "leftsubnet": None, "rightsubnet": None,
        f"left{option}": f"{NET['west']},{SECOND_NET['west']}", f"right{option}": f"{NET['east']},{SECOND_NET['east']}"}))
    west.up()
    for source in (INNER["west"], SECOND_INNER["west"]):
        for target in (INNER["east"], SECOND_INNER["east"]):
            assert world.ping_through(source, target), f"{source} to {target}"
    assert len(west.children()) == (1 if option == "subnet" else 4)
    assert world.packets("clear") == 0


def test_mixed_families_in_one_child_sa(world):
    west, _ = world.pair(configuration(net={"leftsubnet": f"{NET['west']},{NET6['west']}", "rightsubnet": f"{NET['east']},{NET6['east']}"}))
    west.up()
    assert world.ping_through() and world.ping_through(INNER6["west"], INNER6["east"])


def test_protoport_admits_only_its_port(world):
    west, _ = world.pair(configuration(net={"leftprotoport": "tcp/%any", "rightprotoport": "tcp/5000"}))
    west.up()
    netns.transfer(world.west, INNER["west"], world.east, INNER["east"], 100000)
    assert not world.ping_through(count=1)


def test_everything_through_the_tunnel_does_not_catch_the_tunnel_itself(world):
    west, _ = world.pair(configuration(net={"rightsubnet": "0.0.0.0/0", "enable-tcp": "yes"}))
    west.up()
    assert_works(world, "tcp")


def test_host_to_host(world):
    """The selectors cover the very hosts between which the stream runs; it is not caught by them."""
    west, _ = world.pair(configuration(net={"leftsubnet": None, "rightsubnet": None, "enable-tcp": "yes"}))
    west.up()
    assert world.west.ping(OUTER["east"], count=3)
    assert west.children()[0]["bytes_out"] > 0


# --- authentication ------------------------------------------------------------------

@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
def test_null_authentication(world, enable_tcp):
    west, _ = world.pair(configuration(net={"authby": "null", "leftid": "%null", "rightid": "%null", "enable-tcp": enable_tcp}))
    west.up()
    assert world.ping_through()


def test_on_demand_the_first_packet_brings_it_up(world):
    west, _ = world.pair(configuration(net={"auto": "ondemand", "enable-tcp": "yes"}))
    assert west.connection()["state"] != "up"
    netns.wait_until(world.ping_through, 30, "a ping through the tunnel it asked for")
    assert west.connection()["state"] == "up"


def test_started_by_itself(world):
    world.daemon("east", configuration(net={}))
    world.daemon("west", configuration(net={"auto": "start"}))
    netns.wait_until(lambda: world.ping_through(count=1), 30, "the tunnel of auto=start")


# --- the end ---------------------------------------------------------------------------

@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
@pytest.mark.parametrize("who", ["west", "east"])
def test_down_from_either_end_takes_both_down(world, enable_tcp, who):
    west, _ = world.pair(configuration(net={"enable-tcp": enable_tcp}))
    west.up()
    assert world.ping_through()
    world.daemons[who].down()
    for daemon in world.daemons.values():
        netns.wait_until(lambda d=daemon: d.connection()["state"] != "up", 20, "the other end going down")
        assert daemon.children() == []
    assert not world.ping_through(count=1)
    west.up()
    assert world.ping_through()


def network_state(host):
    """What the host's kernel has been told, as text to compare."""
    words = [("ip", "link"), ("ip", "addr"), ("ip", "route", "show", "table", "all"), ("ip", "-6", "route", "show", "table", "all"),
             ("ip", "rule"), ("ip", "-6", "rule"), ("nft", "list", "ruleset")]
    return "\n".join(host.run(*command).stdout for command in words)


@pytest.mark.parametrize("how", ["down", "exit"])
def test_nothing_is_left_on_the_host(world, how):
    before = network_state(world.west)
    west, _ = world.pair(configuration(net={"rightsubnet": "0.0.0.0/0"}))
    west.up()
    assert network_state(world.west) != before
    if how == "down":
        west.down()
    assert west.stop() == 0
    assert network_state(world.west) == before


def test_next_start_cleans_up_after_a_kill(world):
    before = network_state(world.west)
    west, _ = world.pair(configuration(net={"rightsubnet": "0.0.0.0/0"}))
    west.up()
    west.process.kill()
    west.process.wait()
    (west.folder / "culvertd.ctl").unlink(missing_ok=True)
    west.start()
    assert west.stop() == 0
    assert network_state(world.west) == before
