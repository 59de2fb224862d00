"""What goes wrong is said in plain words, on both ends, and the exit status tells it."""

import pytest

import netns
from conftest import configuration


def fails(daemon, name="net"):
    """What `culvert up` says when it fails."""
    done = daemon.ctl("up", name, check=False)
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
def test_wrong_key(world, enable_tcp):
    text = configuration(net={"enable-tcp": enable_tcp})
    east = world.daemon("east", text, secrets='@west @east : PSK "another key, equally long: 0123456789 0123456789"\n')
    west = world.daemon("west", text)
    said = fails(west)
    assert "AUTHENTICATION_FAILED" in said or "authentication" in said.lower()
    netns.wait_until(lambda: "authentication" in east.log().lower(), 10, "the responder's log line")
    for daemon in (west, east):
        assert daemon.children() == []
    assert not world.ping_through(count=1)


def test_missing_key(world):
    text = configuration(net={})
    world.daemon("east", text)
    west = world.daemon("west", text, secrets="# nothing\n")
    said = fails(west)
    assert "secret" in said.lower() or "psk" in said.lower()


def test_no_common_ike_proposal_shows_offered_against_configured(world):
    east = world.daemon("east", configuration(net={"ike": "aes256-sha2_512;dh19"}))
    west = world.daemon("west", configuration(net={"ike": "aes_gcm128-sha2_256;dh31"}))
    said = fails(west)
    assert "NO_PROPOSAL_CHOSEN" in said or "proposal" in said.lower()
    # Offered against configured, at the responder, who knows both.
    netns.wait_until(lambda: "aes128gcm16-sha2_256-x25519" in east.log(), 10, "the responder's log line")
    assert "aes256-sha2_512-dh19" in east.log()


def test_no_common_esp_proposal_shows_offered_against_configured(world):
    east = world.daemon("east", configuration(net={"esp": "aes256-sha2_512"}))
    west = world.daemon("west", configuration(net={"esp": "chacha20_poly1305"}))
    said = fails(west)
    assert "proposal" in said.lower()
    netns.wait_until(lambda: "chacha20poly1305" in east.log(), 10, "the responder's log line")
    assert "aes256-sha2_512" in east.log()


def test_selectors_without_overlap(world):
    world.daemon("east", configuration(net={"leftsubnet": "10.92.1.0/24"}))
    west = world.daemon("west", configuration(net={}))
    said = fails(west)
    assert "TS_UNACCEPTABLE" in said or "selector" in said.lower()


def test_unknown_connection(world):
    west = world.daemon("west", configuration(net={}))
    done = west.ctl("up", "nett", check=False)
    assert done.returncode != 0
    assert "nett" in done.stdout + done.stderr


def test_command_without_a_daemon(world):
    west = world.daemon("west", configuration(net={}))
    west.stop()
    done = west.ctl("status", check=False)
    assert done.returncode != 0
    assert "culvertd" in done.stderr


def test_second_daemon_in_the_same_run_folder_is_refused(world):
    west = world.daemon("west", configuration(net={}))
    second = west.host.run(west.process.args[4], "--config", west.config, "--secrets", west.secrets, "--run-dir", west.folder,
                           check=False, timeout=20)
    assert second.returncode != 0
    assert west.status()


def test_bad_reload_leaves_the_old_configuration(world):
    west, east = world.pair(configuration(net={}))
    west.config.write_text(configuration(net={"enabletcp": "yes"}))
    done = west.ctl("reload", check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert f"{west.config}:" in said and "enable-tcp" in said
    west.up()
    assert world.ping_through()


def test_reload_brings_a_new_connection_and_leaves_the_others_alone(world):
    west, east = world.pair(configuration(net={}))
    west.up()
    before = west.children()
    west.config.write_text(configuration(net={}, other={"leftsubnet": "10.91.11.0/24", "rightsubnet": "10.91.12.0/24"}))
    west.ctl("reload")
    assert west.connection("other")["state"] != "up"
    assert [child["spi_in"] for child in west.children()] == [child["spi_in"] for child in before]
    assert world.ping_through()


def test_bad_file_stops_the_start_and_names_the_place(world):
    west = world.daemon("west", configuration(net={}))
    west.stop()
    west.config.write_text("config setup\n    listen-tpc=yes\n")
    process = west.host.run(west.process.args[4], "--config", west.config, "--secrets", west.secrets, "--run-dir", west.folder,
                            check=False, timeout=20)
    assert process.returncode != 0
    assert f"{west.config}:2: " in process.stderr and "listen-tcp" in process.stderr
