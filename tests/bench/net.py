"""The network of the benchmarks: two hosts, one link, in namespaces of their own.

    cvbench-west  10.77.0.1 ------- veth, MTU 1500 ------- 10.77.0.2  cvbench-east
    10.77.1.1 (lo)                                         10.77.2.1 (lo)

The addresses on lo stand for the subnets behind the hosts.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time

WEST, EAST = "cvbench-west", "cvbench-east"
OUTER = {WEST: "10.77.0.1", EAST: "10.77.0.2"}
INNER = {WEST: "10.77.1.1", EAST: "10.77.2.1"}
NET = {WEST: "10.77.1.0/24", EAST: "10.77.2.0/24"}


class BenchError(Exception):
    """Something that a measurement needs did not work; the text is for the user."""


def run(*cmd, check=True, timeout=120):
    done = subprocess.run(cmd, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise BenchError(f"{' '.join(cmd)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def inside(host, *cmd, **kw):
    return run("ip", "netns", "exec", host, *cmd, **kw)


class Process:
    """A program running inside a host; its output goes to a file."""

    def __init__(self, host, cmd, log):
        self.log = log
        self.out = open(log, "w")
        self.popen = subprocess.Popen(["ip", "netns", "exec", host, *cmd], stdout=self.out,
                                      stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                      start_new_session=True)

    def cpu_seconds(self):
        """User and system time of the process and its threads so far."""
        fields = open(f"/proc/{self.popen.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_kib(self):
        """Private memory (what the process would give back at its end)."""
        text = open(f"/proc/{self.popen.pid}/smaps_rollup").read()
        return sum(int(n) for n in re.findall(r"^Private_\w+:\s+(\d+)", text, re.M))

    def alive(self):
        return self.popen.poll() is None

    def stop(self):
        if self.alive():
            self.popen.terminate()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()
        self.out.close()


def link_down():
    for host in (WEST, EAST):
        subprocess.run(["ip", "netns", "del", host], capture_output=True)


def link_up():
    link_down()
    for host in (WEST, EAST):
        run("ip", "netns", "add", host)
        inside(host, "ip", "link", "set", "lo", "up")
        inside(host, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
               "net.ipv4.conf.default.rp_filter=0")
    run("ip", "link", "add", "eth0", "netns", WEST, "type", "veth", "peer", "name", "eth0", "netns", EAST)
    for host in (WEST, EAST):
        inside(host, "ip", "addr", "add", OUTER[host] + "/24", "dev", "eth0")
        inside(host, "ip", "addr", "add", INNER[host] + "/32", "dev", "lo")
        inside(host, "ip", "link", "set", "eth0", "up")
    wait_until(lambda: ping(WEST, OUTER[EAST]), 5, "the bare link")


def ping(host, target, source=None, timeout_s=1):
    cmd = ["ip", "netns", "exec", host, "ping", "-n", "-q", "-c", "1", "-W", str(timeout_s)]
    if source:
        cmd += ["-I", source]
    return subprocess.run([*cmd, target], capture_output=True).returncode == 0


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise BenchError(f"{what} did not come up within {seconds} s")


def udp_filter(verdict):
    """None, 'drop' or 'reject': what happens to UDP that arrives at the east."""
    inside(EAST, "nft", "delete table inet cvbench", check=False)
    if verdict:
        inside(EAST, "nft", "add table inet cvbench; add chain inet cvbench in "
               "{ type filter hook input priority 0; }; "
               f"add rule inet cvbench in iifname eth0 meta l4proto udp {verdict}")


def tcp_flow(source, target, seconds, parallel=1):
    """Bits per second that one iperf3 transfer from west to east received."""
    server = Process(EAST, ["iperf3", "-s", "-1", "-B", target], tempfile.mktemp(prefix="cvbench-"))
    try:
        wait_until(lambda: "5201" in inside(EAST, "ss", "-Hltn"), 5, "iperf3")
        text = inside(WEST, "iperf3", "-J", "-c", target, "-B", source, "-t", str(seconds), "-O", "1",
                      "-P", str(parallel), timeout=seconds * 3 + 60)
        end = json.loads(text)["end"]["sum_received"]
        return end["bits_per_second"], end["bytes"]
    finally:
        server.stop()
        os.unlink(server.log)


@contextlib.contextmanager
def workspace():
    """A folder for configurations and logs; the network is there inside and gone after."""
    with tempfile.TemporaryDirectory(prefix="cvbench-") as folder:
        link_up()
        try:
            yield folder
        finally:
            link_down()
