"""The tunnels that are compared. Each is a context manager that yields its two processes and the pair of
addresses (source in the west, target in the east) whose traffic goes through it."""

import contextlib
import os

import net

BUILD = os.environ.get("CULVERT_BUILD", "build")


@contextlib.contextmanager
def bare(_folder):
    yield [], net.OUTER[net.WEST], net.OUTER[net.EAST]


def openvpn_identity(folder, name):
    """A key and a self-signed certificate; returns its fingerprint."""
    key, cert = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".crt")
    if not os.path.exists(cert):
        net.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=" + name)
    return net.run("openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256").split("=")[1].strip()


def openvpn(transport, *extra):
    """Debian's OpenVPN as it comes: AES-256-GCM, TUN, no kernel offload module."""

    @contextlib.contextmanager
    def contender(folder):
        prints = {h: openvpn_identity(folder, h) for h in (net.WEST, net.EAST)}
        processes = []
        try:
            for host, peer, here, there in ((net.EAST, net.WEST, "10.78.0.2", "10.78.0.1"),
                                            (net.WEST, net.EAST, "10.78.0.1", "10.78.0.2")):
                server = host == net.EAST
                proto = transport if transport == "udp" else "tcp-server" if server else "tcp-client"
                cmd = ["openvpn", "--dev", "tun", "--proto", proto, "--ifconfig", here, there,
                       "--tls-server" if server else "--tls-client", "--cert", f"{folder}/{host}.crt",
                       "--key", f"{folder}/{host}.key", "--peer-fingerprint", prints[peer],
                       "--data-ciphers", "AES-256-GCM", "--disable-dco", "--port", "1194", *extra]
                cmd += ["--dh", "none"] if server else ["--remote", net.OUTER[peer], "--nobind"]
                processes.append(net.Process(host, cmd, f"{folder}/openvpn-{host}.log"))
            net.wait_until(lambda: net.ping(net.WEST, "10.78.0.2"), 30, "OpenVPN over " + transport)
            yield processes, "10.78.0.1", "10.78.0.2"
        finally:
            for process in processes:
                process.stop()

    return contender


CULVERT_CONF = """config setup
    listen-tcp=yes

conn bench
    left={left}
    right={right}
    leftsubnet={leftsubnet}
    rightsubnet={rightsubnet}
    leftid=@west
    rightid=@east
    authby=secret
    enable-tcp={enable_tcp}
    auto=add
"""


def culvert_start(folder, enable_tcp):
    """Both daemons with one connection, not yet up; returns the processes and the command for the west."""
    processes = []
    for host in (net.EAST, net.WEST):
        conf, secrets, state = (f"{folder}/{host}.{x}" for x in ("conf", "secrets", "run"))
        with open(conf, "w") as f:
            f.write(CULVERT_CONF.format(left=net.OUTER[net.WEST], right=net.OUTER[net.EAST],
                                        leftsubnet=net.NET[net.WEST], rightsubnet=net.NET[net.EAST],
                                        enable_tcp=enable_tcp))
        with open(secrets, "w") as f:
            f.write('@west @east : PSK "a key for a benchmark of no worth elsewhere"\n')
        os.chmod(secrets, 0o600)
        os.makedirs(state, exist_ok=True)
        processes.append(net.Process(host, [f"{BUILD}/src/daemon/culvertd", "--config", conf, "--secrets", secrets,
                                            "--run-dir", state], f"{folder}/culvertd-{host}.log"))
        net.wait_until(lambda: os.path.exists(f"{state}/culvertd.ctl"), 10, "culvertd")
    command = ["ip", "netns", "exec", net.WEST, f"{BUILD}/src/cli/culvert", "--run-dir", f"{folder}/{net.WEST}.run"]
    return processes, command


def culvert(enable_tcp):
    @contextlib.contextmanager
    def contender(folder):
        processes, command = culvert_start(folder, enable_tcp)
        try:
            net.run(*command, "up", "bench")
            net.wait_until(lambda: net.ping(net.WEST, net.INNER[net.EAST], net.INNER[net.WEST]), 10, "culvert")
            yield processes, net.INNER[net.WEST], net.INNER[net.EAST]
        finally:
            for process in processes:
                process.stop()

    return contender


THROUGHPUT = {
    "bare link": bare,
    "OpenVPN over TCP": openvpn("tcp"),
    "OpenVPN over UDP": openvpn("udp"),
    "culvert over TCP": culvert("yes"),
    "culvert over UDP": culvert("no"),
}
