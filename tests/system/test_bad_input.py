"""Whatever arrives at the ports, an established tunnel survives it, the daemon says one line and frees what it held."""

import os
import socket
import struct
import sys
import textwrap

import pytest

import netns
from conftest import OUTER, configuration

PREFIX = b"IKETCP"
HEADER_ONLY = bytes.fromhex("1122334455667788" "0000000000000000") + bytes([0, 0x20, 34, 0x08]) + struct.pack(">II", 0, 28)


@pytest.fixture
def pair(world):
    """A tunnel over TCP from west to east that stands; the hostile host is a third one, in between."""
    west, east = world.pair(configuration(net={"enable-tcp": "yes"}))
    west.up()
    assert world.ping_through()
    yield world, west, east
    assert west.alive() and east.alive()
    assert world.ping_through(), "the tunnel did not survive"
    assert east.connection()["state"] == "up"


def hostile(world, code, *arguments, timeout=60):
    """Runs Python code on the host between, with `east` the daemon's address; what it prints."""
    text = "import random, socket, struct, sys, time\neast = sys.argv[1]\n" + textwrap.dedent(code)
    return world.between.run(sys.executable, "-c", text, OUTER["east"], *arguments, timeout=timeout).stdout


def streams(world):
    """TCP connections to culvert's port that the kernel of the east still has."""
    return len(world.east.run("ss", "-Htn", "state", "established", "( sport = :4500 )").stdout.splitlines())


SEND_AND_CLOSE = """
    stream = socket.create_connection((east, 4500))
    stream.sendall(bytes.fromhex(sys.argv[2]))
    if sys.argv[3] == "reset":
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()
"""


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("sent", [
    b"", b"I", b"ABCDEF", b"\x00\x00\x00\x00\x00\x00", PREFIX, PREFIX + b"x", PREFIX + b"\x00\x00", PREFIX + b"\x00\xff", PREFIX + b"\xff\xff",
    PREFIX + b"\x00\x01", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 500,
    PREFIX + b"\x00\x20" + b"\x00" * 4 + HEADER_ONLY[:20],
], ids=["nothing", "one octet", "six wrong octets", "six zeros", "prefix", "prefix and one octet", "length 0", "length 255", "length 65535",
        "length 1", "HTTP", "TLS", "closed in a frame"])
def test_stream_ends_early(pair, sent, how):
    world, _, east = pair
    before = streams(world)
    hostile(world, SEND_AND_CLOSE, sent.hex(), how)
    netns.wait_until(lambda: streams(world) == before, 20, "the stream being freed")


# What is sent, and whether the stream is still open right after: a protocol error closes it at once, silence only by time.
SILENT = {
    "nothing": (b"", True),
    "a first octet": (b"I", True),
    "half a prefix": (b"IKE", True),
    "prefix": (PREFIX, True),
    "prefix and half a length": (PREFIX + b"\x00", True),
    "length 2": (PREFIX + b"\x00\x02", True),
    "length 6 and a marker": (PREFIX + b"\x00\x06" + b"\x00" * 4, True),
    "one lone octet of a message": (PREFIX + b"\x00\x07" + b"\x00" * 4 + b"x", True),
    "the beginning of 255": (PREFIX + b"\x00\xff", True),
    "the beginning of 65535": (PREFIX + b"\xff\xff", True),
}


@pytest.mark.parametrize("name", SILENT)
def test_silent_stream_is_closed_for_want_of_a_message(pair, name):
    """5 s without a complete message; the partial prefix is not refused before that."""
    world, _, east = pair
    sent, stays = SILENT[name]
    said = hostile(world, """
        stream = socket.create_connection((east, 4500))
        stream.sendall(bytes.fromhex(sys.argv[2]))
        begin = time.monotonic()
        stream.settimeout(60)
        try:
            got = stream.recv(100)
        except ConnectionResetError:
            got = b""
        print(len(got), time.monotonic() - begin)
    """, sent.hex())
    count, seconds = said.split()
    assert count == "0"
    if stays:
        assert float(seconds) > 3


def test_lone_header_is_answered_with_invalid_syntax(pair):
    world, _, east = pair
    said = hostile(world, """
        stream = socket.create_connection((east, 4500))
        message = bytes.fromhex(sys.argv[2])
        stream.sendall(b"IKETCP" + struct.pack(">H", len(message) + 6) + b"\\0\\0\\0\\0" + message)
        stream.settimeout(60)
        got = b""
        while True:
            part = stream.recv(1000)
            if not part:
                break
            got += part
        print(got.hex())
    """, HEADER_ONLY.hex())
    got = bytes.fromhex(said.strip())
    assert len(got) == 42
    length, marker, header = got[:2], got[2:6], got[6:34]
    assert struct.unpack(">H", length)[0] == 42 and marker == b"\0\0\0\0"
    assert header[:8] == HEADER_ONLY[:8]
    assert header[18] == 34 and header[19] & 0x20
    assert struct.unpack(">H", got[6 + 28 + 6:6 + 28 + 8])[0] == 7  # INVALID_SYNTAX


def test_one_octet_a_second(pair):
    """A peer that never completes a message is closed, however busy it seems."""
    world, _, east = pair
    said = hostile(world, """
        stream = socket.create_connection((east, 4500))
        begin = time.monotonic()
        stream.settimeout(1)
        for octet in b"IKETCP" + b"\\x01\\x00" + bytes(200):
            try:
                stream.sendall(bytes([octet]))
                if stream.recv(10) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        print(time.monotonic() - begin)
    """, timeout=120)
    assert float(said) < 60


def test_real_handshake_octet_by_octet(pair):
    """TCP has no message borders: the same octets one at a time are the same message."""
    world, _, east = pair
    said = hostile(world, """
        stream = socket.create_connection((east, 4500))
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        message = bytes.fromhex(sys.argv[2])
        for octet in b"IKETCP" + struct.pack(">H", len(message) + 6) + b"\\0\\0\\0\\0" + message:
            stream.sendall(bytes([octet]))
            time.sleep(0.002)
        stream.settimeout(60)
        print(stream.recv(1000).hex())
    """, HEADER_ONLY.hex())
    assert len(bytes.fromhex(said.strip())) == 42


def test_many_streams_at_once(pair):
    """Hundreds of idle connections of one source take no tunnel's place, and are all freed."""
    world, _, east = pair
    before = streams(world)
    hostile(world, """
        import contextlib
        held = []
        for i in range(300):
            with contextlib.suppress(OSError):
                held.append(socket.create_connection((east, 4500), timeout=5))
        for stream in held[::2]:
            with contextlib.suppress(OSError):
                stream.sendall(b"IKETCP")
        time.sleep(1)
    """)
    assert world.ping_through()
    netns.wait_until(lambda: streams(world) == before, 30, "300 streams being freed")


RANDOM_UDP = """
    random.seed(int(sys.argv[2]))
    target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(2000):
        kind = random.randrange(5)
        body = random.randbytes(random.choice((0, 1, 3, 4, 8, 27, 28, 29, 60, 300, 1400)))
        header = random.randbytes(8) + bytes(8) + bytes([random.choice((33, 46, 0, 255)), random.choice((0x20, 0x21, 0x30, 0x10)),
                 random.choice((34, 35, 36, 37, 99)), random.choice((0x08, 0x20, 0x28, 0)) ]) + struct.pack(">I", random.randrange(3))
        message = header + struct.pack(">I", random.choice((28 + len(body), 28, 0, 0xffffffff, len(body)))) + body
        if kind == 0:
            target.sendto(body, (east, 500))
        elif kind == 1:
            target.sendto(body, (east, 4500))
        elif kind == 2:
            target.sendto(message, (east, 500))
        elif kind == 3:
            target.sendto(bytes(4) + message, (east, 4500))
        else:
            target.sendto(struct.pack(">I", random.randrange(1, 1 << 32)) + body, (east, 4500))
"""


def test_random_udp(pair):
    world, _, east = pair
    lines = len(east.log().splitlines())
    seed = 1
    hostile(world, RANDOM_UDP, seed)
    assert world.ping_through()
    # The log is rate-limited: 2000 bad packets are not 2000 lines.
    assert len(east.log().splitlines()) - lines < 200


def test_random_tcp(pair):
    world, _, east = pair
    before = streams(world)
    seed = 1
    hostile(world, """
        random.seed(int(sys.argv[2]))
        for i in range(200):
            stream = socket.create_connection((east, 4500))
            stream.settimeout(0.05)
            try:
                stream.sendall(random.choice((b"IKETCP", b"IKETCP", b"")))
                for j in range(random.randrange(5)):
                    body = random.randbytes(random.randrange(1, 200))
                    marker = random.choice((bytes(4), random.randbytes(4)))
                    stream.sendall(struct.pack(">H", random.choice((len(body) + 6, len(body) + 6, random.randrange(65536)))) + marker + body)
                stream.recv(100)
            except OSError:
                pass
            stream.close()
    """, seed, timeout=120)
    netns.wait_until(lambda: streams(world) == before, 30, "the streams being freed")


def test_forged_and_replayed_packets_of_the_tunnel_do_it_no_harm(world):
    """What the network between can do with the tunnel's own packets: repeat, cut, flip, mix up."""
    pytest.importorskip("scapy.all", reason="scapy is not installed (Debian: python3-scapy)")
    west, east = world.pair(configuration(net={"enable-tcp": "no", "encapsulation": "yes"}))
    stop_capture = world.capture(world.between, "west", "udp")
    west.up()
    assert world.ping_through(count=5)
    capture = stop_capture()
    world.between.run("/usr/bin/python3", "-B", "-c", textwrap.dedent("""
        import random, sys
        from scapy.all import IP, UDP, Raw, conf, rdpcap, send
        conf.verb = 0
        random.seed(1)
        packets = [p[IP] for p in rdpcap(sys.argv[1]) if IP in p and UDP in p and p[IP].dst == sys.argv[2]]
        assert len(packets) >= 5, len(packets)
        for original in packets + random.sample(packets, len(packets)):
            for change in ("none", "cut", "flip", "long"):
                body = bytearray(bytes(original[UDP].payload))
                if change == "cut":
                    del body[random.randrange(len(body)):]
                elif change == "flip" and body:
                    body[random.randrange(len(body))] ^= 1 << random.randrange(8)
                elif change == "long":
                    body += bytes(random.randrange(1, 100))
                send(IP(src=original.src, dst=original.dst) / UDP(sport=original[UDP].sport, dport=original[UDP].dport) / Raw(bytes(body)))
    """), capture, OUTER["east"])
    assert world.ping_through() and world.ping_back()
    assert west.alive() and east.alive()
    assert west.connection()["state"] == east.connection()["state"] == "up"


def test_control_socket_takes_no_nonsense(pair):
    world, west, east = pair
    path = str(east.folder / "culvertd.ctl")
    for sent in (b"", b"\n", b"{", b"{}\n", b"[1,2]\n", b'{"command":"up"}\n', b'{"command":5}\n', b"\xff" * 1000 + b"\n", b"[" * 200000):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(path)
            control.settimeout(5)
            try:
                control.sendall(sent)
                control.shutdown(socket.SHUT_WR)
                while control.recv(4096):
                    pass
            except OSError:
                pass
        assert east.status()
    held = [socket.socket(socket.AF_UNIX) for _ in range(50)]
    for control in held:
        control.connect(path)
    assert east.status()
    for control in held:
        control.close()
    assert os.stat(path).st_mode & 0o077 == 0, "the control socket is root's alone"
