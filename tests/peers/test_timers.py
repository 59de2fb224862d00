"""Everything that waits, between two culverts in the lab's simulated time: nobody waits for it."""

import pytest


def run(guest, case, **env):
    guest("timers.sh", case, time_travel=True, env=[f"{name}={value}" for name, value in env.items()])


@pytest.mark.parametrize("case", ["fallback_dropped", "fallback_refused", "retransmission", "no_retransmission_over_tcp", "nat_keepalive",
                                  "silent_stream", "syn_black_hole"])
def test_timer(guest, case):
    run(guest, case)


@pytest.mark.parametrize("enable_tcp", ["no", "yes"])
@pytest.mark.parametrize("case", ["liveness", "idle"])
def test_liveness(guest, case, enable_tcp):
    run(guest, case, TRANSPORT=enable_tcp)
