"""Two gateways with a subnet each, and a network between them that does what it is told.

    west 198.51.100.2 ------- between ------- 203.0.113.2 east
         2001:db8:a::2    router and faults   2001:db8:b::2
    10.91.1.1 10.91.11.1 fd91:1::1            10.91.2.1 10.91.12.1 fd91:2::1   (on lo: the subnets behind)

A fresh net for each test, gone after it.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import netns  # noqa: E402 (in scripts/)

BUILD = pathlib.Path(os.environ.get("CULVERT_BUILD", ROOT / "build"))
SECRET = '@west @east : PSK "a key for tests, of no worth elsewhere: 0123456789"\n'

OUTER = {"west": "198.51.100.2", "east": "203.0.113.2"}
OUTER6 = {"west": "2001:db8:a::2", "east": "2001:db8:b::2"}
NET = {"west": "10.91.1.0/24", "east": "10.91.2.0/24"}
INNER = {"west": "10.91.1.1", "east": "10.91.2.1"}
SECOND_NET = {"west": "10.91.11.0/24", "east": "10.91.12.0/24"}
SECOND_INNER = {"west": "10.91.11.1", "east": "10.91.12.1"}
NET6 = {"west": "fd91:1::/64", "east": "fd91:2::/64"}
INNER6 = {"west": "fd91:1::1", "east": "fd91:2::1"}

# What every connection has unless a test says otherwise.
CONN = {
    "left": OUTER["west"], "leftid": "@west", "leftsubnet": NET["west"],
    "right": OUTER["east"], "rightid": "@east", "rightsubnet": NET["east"],
    "authby": "secret", "auto": "add",
}


def configuration(setup=None, **conns):
    """ipsec.conf as text: "config setup" from `setup`, and each conn from a dict; None leaves an option out."""
    def section(head, options):
        return head + "".join(f"\n    {key}={value}" for key, value in options.items() if value is not None) + "\n"
    text = section("config setup", {"listen-tcp": "yes", **(setup or {})})
    for name, options in conns.items():
        text += "\n" + section(f"conn {name}", {**CONN, **{key.replace("_", "-"): value for key, value in options.items()}})
    return text


class Daemon:
    """culvertd on one host, and the culvert command that talks to it."""

    def __init__(self, host, config, secrets=SECRET, name=None):
        self.host = host
        self.folder = host.net.folder / (name or host.name)
        self.folder.mkdir(exist_ok=True)
        self.config = self.folder / "ipsec.conf"
        self.secrets = self.folder / "ipsec.secrets"
        self.log_file = self.folder / "log"
        self.config.write_text(config)
        self.secrets.touch(mode=0o600)
        self.secrets.write_text(secrets)
        self.process = None

    def start(self, *options):
        with open(self.log_file, "a", encoding="utf-8") as log:
            self.process = self.host.spawn(BUILD / "src/daemon/culvertd", "--config", self.config, "--secrets", self.secrets,
                                           "--run-dir", self.folder, *options, stdout=log, stderr=log)
        netns.wait_until(lambda: (self.folder / "culvertd.ctl").exists() or self.process.poll() is not None, 30, "culvertd starting")
        assert self.process.poll() is None, f"culvertd ended at its start:\n{self.log()}"
        return self

    def stop(self):
        return self.host.net.stop(self.process)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_file.read_text(errors="replace")

    def command(self, *words):
        return [BUILD / "src/cli/culvert", "--run-dir", self.folder, *words]

    def ctl(self, *words, check=True, timeout=90):
        done = self.host.run(*self.command(*words), check=False, timeout=timeout)
        if check:
            assert done.returncode == 0, f"culvert {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def up(self, name="net"):
        return self.ctl("up", name).stdout

    def down(self, name="net"):
        return self.ctl("down", name).stdout

    def status(self):
        return json.loads(self.ctl("status", "--json").stdout)

    def connection(self, name="net"):
        """What the status says of one connection."""
        found = [conn for conn in self.status()["connections"] if conn["name"] == name]
        assert len(found) == 1, f"{name} is in the status {len(found)} times"
        return found[0]

    def sa(self, name="net"):
        """The one IKE SA of a connection, as the status has it."""
        found = self.connection(name)["ike_sas"]
        assert len(found) == 1, f"{name} has {len(found)} IKE SAs"
        return found[0]

    def children(self, name="net"):
        """The Child SAs of a connection."""
        return [child for sa in self.connection(name)["ike_sas"] for child in sa["children"]]


class World:
    """The net with its hosts, the daemons of a test, and what is asked of them most."""

    def __init__(self, net):
        self.net = net
        self.west = net.add_host("west", *self.inner("west"), forward=True)
        self.between = net.add_host("between", forward=True)
        self.east = net.add_host("east", *self.inner("east"), forward=True)
        for host, link4, link6 in ((self.west, "198.51.100", "2001:db8:a"), (self.east, "203.0.113", "2001:db8:b")):
            net.link(host, "eth0", [f"{link4}.2/24", f"{link6}::2/64"], self.between, host.name, [f"{link4}.1/24", f"{link6}::1/64"])
        for host, link4, link6 in ((self.west, "198.51.100", "2001:db8:a"), (self.east, "203.0.113", "2001:db8:b")):
            host.run("ip", "route", "add", "default", "via", f"{link4}.1")
            host.run("ip", "route", "add", "default", "via", f"{link6}::1")
        self.between.nft("""table inet between {
            counter udp_packets { }
            counter tcp_packets { }
            counter clear_packets { }
            chain faults { }
            chain forward {
                type filter hook forward priority 0;
                ip saddr 10.91.0.0/16 counter name clear_packets drop
                ip6 saddr fd91::/16 counter name clear_packets drop
                meta l4proto udp counter name udp_packets
                meta l4proto tcp counter name tcp_packets
                jump faults
            }
        }""")
        netns.wait_until(lambda: self.west.ping(OUTER["east"]) and self.west.ping(OUTER6["east"]), 20, "the net between")
        self.daemons = {}

    @staticmethod
    def inner(name):
        # Single addresses: of a prefix on lo the kernel would take every address for its own.
        return f"{INNER[name]}/32", f"{SECOND_INNER[name]}/32", f"{INNER6[name]}/128"

    def fault(self, rule):
        """A rule for what the network between forwards, such as "meta l4proto udp drop"."""
        self.between.nft(f"add rule inet between faults {rule}")

    def no_faults(self):
        self.between.nft("flush chain inet between faults")

    def packets(self, counter):
        """How many the network between has seen: "udp", "tcp", or "clear" (unencrypted, to or from the inner nets)."""
        listed = json.loads(self.between.run("nft", "-j", "list", "counter", "inet", "between", f"{counter}_packets").stdout)
        return next(entry["counter"]["packets"] for entry in listed["nftables"] if "counter" in entry)

    def capture(self, host, device, *expression):
        """Begins to write what passes; the returned function ends it and gives the file."""
        program("tcpdump")
        file = self.net.folder / f"{host.name}-{device}.pcap"
        process = host.spawn("tcpdump", "-i", device, "--immediate-mode", "-B", "32768", "-U", "-s", "0", "-Z", "root", "-w", file, *expression,
                             stderr=subprocess.PIPE, text=True)
        netns.wait_until(lambda: "listening" in process.stderr.readline(), 10, "tcpdump")

        def stop():
            size = -1
            while size != (size := file.stat().st_size):
                time.sleep(0.3)
            self.net.stop(process)
            return file

        return stop

    def daemon(self, name, config, *options, secrets=SECRET):
        """A running culvertd on the host of this name."""
        daemon = Daemon(getattr(self, name), config, secrets)
        self.daemons[name] = daemon
        return daemon.start(*options)

    def pair(self, config, *options):
        """A running culvertd on both, with the same configuration."""
        return self.daemon("west", config, *options), self.daemon("east", config, *options)

    def ping_through(self, source=None, target=None, count=3):
        """Pings from subnet to subnet, from the west."""
        return self.west.ping(target or INNER["east"], "-I", source or INNER["west"], count=count, seconds=5)

    def ping_back(self, source=None, target=None, count=3):
        return self.east.ping(target or INNER["west"], "-I", source or INNER["east"], count=count, seconds=5)


@pytest.fixture(scope="session", autouse=True)
def can_run():
    problem = netns.obstacle()
    if problem:
        pytest.skip(problem)
    if not (BUILD / "src/daemon/culvertd").exists():
        pytest.fail(f"no culvertd in {BUILD}: build it first")


@pytest.fixture
def world(request):
    with netns.Net("cvtest") as net:
        made = World(net)
        yield made
        for name, daemon in made.daemons.items():
            # What a daemon said belongs to a failing test's report; a daemon that died fails any test.
            if daemon.log_file.exists():
                print(f"--- log of {name}\n{daemon.log()}")
            if daemon.process is not None and daemon.process in net.processes:
                status = net.stop(daemon.process)
                assert status == 0, f"culvertd on {name} ended with {status}"


def program(name):
    """Skips the test when the program is not installed."""
    if subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True).returncode:
        pytest.skip(f"{name} is not installed")
    return name
