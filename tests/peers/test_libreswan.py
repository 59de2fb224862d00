"""culvert against Debian's libreswan 4.10, whose ESP is the kernel's (espintcp over TCP), in the lab."""

import pytest

ROLES = pytest.mark.parametrize("role", ["initiates", "responds"])
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


@ROLES
@TRANSPORTS
def test_bulk_both_ways_and_down(libreswan, role, transport):
    libreswan("bulk", role, transport)


@ROLES
@TRANSPORTS
def test_down_by_libreswan(libreswan, role, transport):
    libreswan("down_by_libreswan", role, transport)


@ROLES
@TRANSPORTS
def test_down_by_culvert(libreswan, role, transport):
    libreswan("down_by_culvert", role, transport)


@ROLES
def test_enable_tcp_is_off_by_default(libreswan, role):
    libreswan("default_sends_no_tcp", role, time_travel=True)


@ROLES
def test_tcp_only_sends_no_udp(libreswan, role):
    libreswan("tcp_only_sends_no_udp", role)


@ROLES
def test_fallback_where_udp_is_dropped(libreswan, role):
    libreswan("fallback", role, time_travel=True)


@ROLES
def test_fallback_where_udp_is_refused(libreswan, role):
    libreswan("fallback_refused", role, time_travel=True)


@ROLES
@pytest.mark.parametrize("listen_tcp, listen_udp", [("yes", "yes"), ("yes", "no"), ("no", "yes"), ("unset", "unset"), ("yes", "unset")])
def test_each_transport_works_exactly_where_the_responder_listens(libreswan, role, listen_tcp, listen_udp):
    libreswan("listen", role, listen_tcp, listen_udp, time_travel=True)


@ROLES
def test_port_443(libreswan, role):
    libreswan("port_443", role)


@ROLES
@TRANSPORTS
def test_cookie(libreswan, role, transport):
    libreswan("cookie", role, transport)


@ROLES
@TRANSPORTS
def test_invalid_ke_payload(libreswan, role, transport):
    libreswan("invalid_ke", role, transport)


@ROLES
@TRANSPORTS
def test_wrong_key(libreswan, role, transport):
    libreswan("wrong_key", role, transport)


@ROLES
def test_no_common_proposal(libreswan, role):
    libreswan("no_common_proposal", role)


@ROLES
@TRANSPORTS
def test_initiator_behind_nat(libreswan, role, transport):
    libreswan("nat", role, transport)


@ROLES
@TRANSPORTS
@pytest.mark.parametrize("outer, inner", [(6, 6), (4, 6), (6, 4)])
def test_ipv6(libreswan, role, transport, outer, inner):
    libreswan("ipv6", role, transport, outer, inner)


@ROLES
@TRANSPORTS
def test_several_subnets(libreswan, role, transport):
    libreswan("subnets", role, transport)


@ROLES
def test_protoport(libreswan, role):
    libreswan("protoport", role)


@ROLES
@TRANSPORTS
def test_null_authentication(libreswan, role, transport):
    libreswan("null", role, transport)


@ROLES
def test_every_esp_transform(libreswan, role):
    libreswan("transforms", role, "aes_gcm128", "aes_gcm256", "chacha20_poly1305", "aes128-sha2_256", "aes256-sha2_512")


@ROLES
def test_every_ike_transform(libreswan, role):
    libreswan("ike_transforms", role, "aes_gcm256-sha2_512;dh14", "aes_gcm128-sha2_256;dh19", "chacha20_poly1305-sha2_256;dh31",
              "aes256-sha2_384;dh20", "aes128-sha2_256;dh21", "aes256-sha2_512;dh16")


@ROLES
@TRANSPORTS
def test_liveness(libreswan, role, transport):
    libreswan("liveness", role, transport, time_travel=True)


@ROLES
def test_on_demand(libreswan, role):
    libreswan("on_demand", role)
