"""make demo shows the main job, and leaves nothing behind: not at its end, not after Ctrl-C at any of its steps."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import pytest

import netns
from conftest import BUILD, ROOT

DEMO = [sys.executable, str(ROOT / "scripts" / "demo"), "--build", str(BUILD), "--megabytes", "5"]
STEPS = 11


def left_behind(pid):
    """What a demo of this process has made and not removed."""
    prefix = f"cvdemo-{pid}-"
    spaces = [path.name for path in netns.NETNS_DIR.glob(prefix + "*")] if netns.NETNS_DIR.is_dir() else []
    folders = [path.name for path in pathlib.Path(tempfile.gettempdir()).glob(prefix + "*")]
    processes = [pid for pid in os.listdir("/proc") if pid.isdigit() and prefix in command_line(pid)]
    return spaces + folders + processes


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def host_network():
    """Routes, rules, links and filters of the namespace that the demo was started in."""
    commands = (["ip", "-br", "link"], ["ip", "route", "show", "table", "all"], ["ip", "-6", "route", "show", "table", "all"],
                ["ip", "rule"], ["nft", "list", "ruleset"])
    return [subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands]


def start():
    return subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def test_two_at_once_show_it_and_leave_nothing():
    before = host_network()
    demos = [start(), start()]
    for demo in demos:
        said, _ = demo.communicate(timeout=180)
        assert demo.returncode == 0, said
        for part in ("drops all UDP", "trying UDP", "trying TCP", "The tunnel is up", "5 received", "Gbit/s", "UDP did not answer"):
            assert part in said, f"'{part}' is not in:\n{said}"
        assert left_behind(demo.pid) == []
    assert host_network() == before


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_interrupted_at_each_step_it_leaves_nothing(step):
    demo = start()
    steps = 0
    for line in demo.stdout:
        steps += line.startswith("* ")
        if steps == step:
            break
    assert steps == step, "the demo has fewer steps than this test takes it to have"
    # As a terminal does: the whole group.
    os.killpg(demo.pid, signal.SIGINT)
    said, _ = demo.communicate(timeout=60)
    # At the last step it may have been through already.
    assert demo.returncode == 130 or step == STEPS and demo.returncode == 0, said
    assert left_behind(demo.pid) == []


def test_killed_it_is_cleaned_up_by_the_next():
    killed = start()
    for line in killed.stdout:
        if "The tunnel is up" in line:
            break
    killed.kill()
    killed.communicate(timeout=60)
    assert left_behind(killed.pid) != []
    after = start()
    said, _ = after.communicate(timeout=180)
    assert after.returncode == 0, said
    assert left_behind(killed.pid) == [] and left_behind(after.pid) == []


@pytest.mark.parametrize("step", ["root", "tun"])
def test_obstacle_is_named_before_anything_is_made(monkeypatch, step):
    assert netns.obstacle() is None
    if step == "root":
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert netns.obstacle().startswith("this needs root")
    else:
        monkeypatch.setattr(os.path, "exists", lambda path: path != "/dev/net/tun")
        assert netns.obstacle().startswith("there is no /dev/net/tun")
