"""Networks of namespaces for the demo and the system tests: made, used, and gone afterwards, whatever happens.

A net called "cvdemo" of process 4711 owns the namespaces cvdemo-4711-HOST and the folder cvdemo-4711-* in the
temporary directory, and nothing else on the machine: every interface is made inside of its namespaces. Any number
of nets live side by side. What a killed process left is removed when the next net of the same name is made.
"""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

NETNS_DIR = pathlib.Path("/run/netns")
SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 5
TRANSFER_PORT = 5000

# Programs for both ends of a transfer. Hashing is done before and after, so that it does not slow the transfer.
RECEIVER = """
import hashlib, socket, sys, time
address, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
data = memoryview(bytearray(size))
server = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
print("ready", flush=True)
stream, _ = server.accept()
got, begin = 0, time.monotonic()
while got < size:
    count = stream.recv_into(data[got:])
    if not count:
        break
    got += count
print(got, time.monotonic() - begin, hashlib.sha256(data[:got]).hexdigest())
"""
SENDER = """
import hashlib, os, socket, sys
source, address, port, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
data = os.urandom(size)
stream = socket.create_connection((address, port), source_address=(source, 0))
stream.sendall(data)
stream.shutdown(socket.SHUT_WR)
stream.recv(1)
print(hashlib.sha256(data).hexdigest())
"""

_libc = ctypes.CDLL(None)


class NetError(Exception):
    """Something did not work; the text is for the user."""


def obstacle():
    """Why this machine cannot have such a net, in words; None when it can."""
    if os.geteuid() != 0:
        return "this needs root: it makes network namespaces and TUN devices"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun on this machine (modprobe tun, or give it to the container)"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as problem:
        return f"/dev/net/tun cannot be opened: {problem.strerror}"
    for program in ("ip", "nft", "ping"):
        if not shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
            return f"{program} is not installed"
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True)
    return f"no network namespaces: {done.stderr.strip()}" if done.returncode else None


@contextlib.contextmanager
def undisturbed():
    """Signals wait until what is being made is also written down."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _in_child():
    # A session of its own keeps Ctrl-C from the daemons until they are told to end in order; should this
    # process be killed, they are too.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _ip(*words, check=True):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, start_new_session=True)
    if check and done.returncode:
        raise NetError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Host:
    """One namespace."""

    def __init__(self, net, name):
        self.net, self.name = net, name
        self.netns = f"{net.prefix}{name}"

    def command(self, *words):
        return ["ip", "netns", "exec", self.netns, *map(str, words)]

    def spawn(self, *words, **options):
        """A process inside, in the background; options are Popen's. It ends with the net at the latest."""
        with undisturbed():
            process = subprocess.Popen(self.command(*words), start_new_session=True, preexec_fn=_in_child,
                                       **{"stdin": subprocess.DEVNULL, **options})
            self.net.processes.append(process)
        return process

    def run(self, *words, check=True, timeout=120, text=None):
        """Runs a command inside to its end. text: its standard input."""
        process = self.spawn(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             errors="replace")
        try:
            out, err = process.communicate(text or "", timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise NetError(f"{self.name}: {' '.join(map(str, words))}: not done after {timeout} s\n{out}{err}") from None
        finally:
            self.net.forget(process)
        if check and process.returncode:
            raise NetError(f"{self.name}: {' '.join(map(str, words))}: {(err + out).strip()}")
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def nft(self, rules):
        self.run("nft", "-f", "-", text=rules)

    def ping(self, target, *options, count=1, seconds=2):
        """Whether `target` answers."""
        return self.run("ping", "-n", "-q", "-c", count, "-W", seconds, "-i", "0.2", *options, target, check=False).returncode == 0

    def pids(self):
        return [int(pid) for pid in _ip("netns", "pids", self.netns, check=False).split()]


class Net:
    """Hosts and the links between them. A context manager: everything is gone at its end."""

    def __init__(self, name):
        self.name = name
        self.prefix = f"{name}-{os.getpid()}-"
        self.hosts, self.processes = {}, []
        self._remove_leftovers()
        with undisturbed():
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix=self.prefix))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def forget(self, process):
        if process.poll() is not None and process in self.processes:
            self.processes.remove(process)

    def add_host(self, name, *addresses, forward=False):
        """A namespace; the addresses are put on its loopback device."""
        host = Host(self, name)
        with undisturbed():
            self.hosts[name] = host
            _ip("netns", "add", host.netns)
        settings = [f"net.ipv4.ip_forward={int(forward)}", f"net.ipv6.conf.all.forwarding={int(forward)}",
                    "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0", "net.ipv6.conf.default.accept_ra=0",
                    "net.ipv6.conf.default.dad_transmits=0"]
        host.run("sysctl", "-qw", *settings)
        host.run("ip", "link", "set", "lo", "up")
        for address in addresses:
            host.run("ip", "addr", "add", address, "dev", "lo")
        return host

    def link(self, one, one_device, one_addresses, other, other_device, other_addresses, mtu=1500):
        """A veth pair between two hosts."""
        _ip("link", "add", one_device, "netns", one.netns, "type", "veth",
            "peer", "name", other_device, "netns", other.netns)
        for host, device, addresses in ((one, one_device, one_addresses), (other, other_device, other_addresses)):
            for address in addresses:
                host.run("ip", "addr", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
            host.run("ip", "link", "set", device, "mtu", mtu, "up")

    def stop(self, process, seconds=STOP_SECONDS):
        """Ends one process in order, by force when it does not; its exit status."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.forget(process)
        return process.returncode

    def close(self):
        with undisturbed():
            for process in self.processes:
                if process.poll() is None:
                    process.terminate()
            self._end_all()
            for process in self.processes:
                process.kill()
                process.wait()
            self.processes.clear()
            for host in self.hosts.values():
                _ip("netns", "del", host.netns, check=False)
            self.hosts.clear()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end_all(self):
        """Ends what runs in the namespaces, ours by birth or not."""
        until = time.monotonic() + STOP_SECONDS
        asked = set()
        while True:
            for process in self.processes:
                process.poll()
            left = {pid for host in self.hosts.values() for pid in host.pids()}
            if not left:
                return
            force = time.monotonic() > until
            for pid in left if force else left - asked:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if force else signal.SIGTERM)
            asked |= left
            time.sleep(0.05)

    def _remove_leftovers(self):
        """What nets of this name of processes that are no more have left."""
        here = [path.name for path in NETNS_DIR.glob(f"{self.name}-*-*")] if NETNS_DIR.is_dir() else []
        for name in here:
            if self._is_dead(name):
                for pid in _ip("netns", "pids", name, check=False).split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                _ip("netns", "del", name, check=False)
        for path in pathlib.Path(tempfile.gettempdir()).glob(f"{self.name}-*-*"):
            if self._is_dead(path.name):
                shutil.rmtree(path, ignore_errors=True)

    def _is_dead(self, name):
        pid = name.removeprefix(f"{self.name}-").partition("-")[0]
        return pid.isdigit() and not os.path.exists(f"/proc/{pid}")


def transfer(source, source_address, target, target_address, size, seconds=600):
    """Moves `size` random octets over TCP from one host to another and compares their hashes; the seconds it took."""
    receiver = target.spawn("python3", "-c", RECEIVER, target_address, TRANSFER_PORT, size, stdout=subprocess.PIPE, text=True)
    if receiver.stdout.readline() != "ready\n":
        raise NetError("the receiver of the transfer did not start")
    sent = source.run("python3", "-c", SENDER, source_address, target_address, TRANSFER_PORT, size, timeout=seconds).stdout.strip()
    count, took, received = receiver.communicate(timeout=60)[0].split()
    target.net.forget(receiver)
    if int(count) != size or received != sent:
        raise NetError(f"{count} octets arrived with SHA-256 {received}; {size} were sent with {sent}")
    return float(took)


def wait_until(condition, seconds, what):
    """Waits for a condition; its last value. The limit is a protection against waiting for ever, not a measure."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise NetError(f"{what}: not within {seconds} s")
        time.sleep(0.05)
