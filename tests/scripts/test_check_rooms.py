"""check-rooms finds each kind of violation planted in a small tree, and none in a clean one."""

import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check-rooms"


def plant(tree, name, text):
    path = tree / "src" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def compile_rooms(tree, build):
    for path in sorted((tree / "src").rglob("*.c")):
        target = build / path.relative_to(tree).with_suffix(".c.o")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-c", f"-I{tree}/src", str(path), "-o", str(target)], check=True)


def check(tree, *options):
    run = subprocess.run([sys.executable, SCRIPT, "--tree", tree, *options], capture_output=True, text=True)
    assert run.stderr == ""
    assert run.returncode == (1 if run.stdout else 0)
    return run.stdout.splitlines()


@pytest.fixture
def tree(tmp_path):
    """A house without fault: two rooms that compute, and one that does input and output."""
    plant(tmp_path, "lib/bytes.h", "int cv_bytes_sum(const char *text);\n")
    plant(tmp_path, "lib/clock.h", "long cv_clock_ms(void);\n")
    plant(tmp_path, "lib/bytes.c", '#include <string.h>\n#include "lib/bytes.h"\n#include "lib/clock.h"\n'
                                   "int cv_bytes_sum(const char *text) { return (int)strlen(text); }\n"
                                   "long cv_clock_ms(void) { return 1; }\n")
    plant(tmp_path, "ike/engine.h", "int ike_engine_step(const char *text);\n")
    plant(tmp_path, "ike/task.h", "int ike_task_next(void);\n")
    plant(tmp_path, "ike/engine.c", '#include "ike/engine.h"\n#include "ike/task.h"\n#include "lib/bytes.h"\n'
                                    "int ike_engine_step(const char *text) { return cv_bytes_sum(text); }\n")
    plant(tmp_path, "esp/esp.c", "int esp_nothing(void);\nint esp_nothing(void) { return 0; }\n")
    plant(tmp_path, "daemon/main.c", '#include <stdio.h>\n#include "ike/engine.h"\nint main(void) { return puts("x"); }\n')
    return tmp_path


@pytest.fixture
def build(tree, tmp_path_factory):
    def make():
        folder = tmp_path_factory.mktemp("build")
        compile_rooms(tree, folder)
        return folder
    return make


def test_clean_tree_passes(tree, build):
    assert check(tree, "--objects", build()) == []


@pytest.mark.parametrize("room, line, part", [
    ("lib", '#include "ike/engine.h"', 'lib/ includes "ike/engine.h"'),
    ("ike", '#include "esp/esp.h"', 'ike/ includes "esp/esp.h"'),
    ("ike", '#  include "daemon/main.h"', 'ike/ includes "daemon/main.h"'),
    ("esp", '#include "ike/engine.h"', 'esp/ includes "ike/engine.h"'),
    ("plane", '#include "host/host.h"', 'plane/ includes "host/host.h"'),
    ("cli", '#include "ike/engine.h"', 'cli/ includes "ike/engine.h"'),
])
def test_include_from_a_later_or_neighbouring_room_is_found(tree, room, line, part):
    plant(tree, f"{room}/wrong.c", f"\n{line}\n")
    assert [problem for problem in check(tree) if part in problem and f"src/{room}/wrong.c:2:" in problem]


def test_private_header_of_another_room_is_found(tree):
    plant(tree, "daemon/wrong.c", '#include "ike/task.h"\n')
    assert check(tree) == ['src/daemon/wrong.c:1: daemon/ includes "ike/task.h", which is private to ike/']


def test_include_without_a_room_is_found(tree):
    plant(tree, "ike/wrong.c", '#include "task.h"\n')
    assert "does not begin with a room" in check(tree)[0]


@pytest.mark.parametrize("room", ["lib", "ike", "xport", "daemon", "cli"])
def test_openssl_outside_crypto_is_found(tree, room):
    plant(tree, f"{room}/wrong.c", "#include <openssl/evp.h>\n")
    assert "OpenSSL belongs to crypto/" in check(tree)[0]


def test_openssl_in_crypto_passes(tree):
    plant(tree, "crypto/suite.c", "#include <openssl/evp.h>\n")
    assert check(tree) == []


@pytest.mark.parametrize("call, header, name", [
    ("(int)time(NULL)", "time.h", "time"),
    ("clock_gettime(CLOCK_MONOTONIC, &(struct timespec){0})", "time.h", "clock_gettime"),
    ("socket(1, 1, 0)", "sys/socket.h", "socket"),
    ("(int)read(0, &(char){0}, 1)", "unistd.h", "read"),
    ("fopen(\"x\", \"r\") != NULL", "stdio.h", "fopen"),
    ("rand()", "stdlib.h", "rand"),
    ("(int)getrandom(&(char){0}, 1, 0)", "sys/random.h", "getrandom"),
    ("pthread_mutex_lock(&(pthread_mutex_t){0})", "pthread.h", "pthread_mutex_lock"),
])
@pytest.mark.parametrize("room", ["ike", "esp"])
def test_impure_call_is_found(tree, build, room, call, header, name):
    plant(tree, f"{room}/wrong.c", f"#include <{header}>\n#include <stddef.h>\nint wrong(void);\nint wrong(void) {{ return {call}; }}\n")
    problems = check(tree, "--objects", build())
    assert len(problems) == 1
    assert f"{room}/ calls {name}()" in problems[0]


def test_clock_behind_a_function_of_our_own_is_found(tree, build):
    plant(tree, "ike/wrong.c", '#include "lib/clock.h"\nint wrong(void);\nint wrong(void) { return (int)cv_clock_ms(); }\n')
    assert "ike/ calls cv_clock_ms()" in check(tree, "--objects", build())[0]


def test_the_same_call_in_another_room_passes(tree, build):
    plant(tree, "daemon/fine.c", "#include <time.h>\nint fine(void);\nint fine(void) { return (int)time(NULL); }\n")
    assert check(tree, "--objects", build()) == []


def test_missing_objects_are_not_taken_for_clean_ones(tree, tmp_path):
    assert len(check(tree, "--objects", tmp_path / "nothing")) == 2


def test_long_file_is_found(tree):
    plant(tree, "lib/fits.c", "\n" * 800)
    plant(tree, "lib/long.c", "\n" * 801)
    assert check(tree) == ["src/lib/long.c: 801 lines; 800 is the most: it is two files"]


def test_unknown_room_is_found(tree):
    plant(tree, "attic/junk.c", "\n")
    assert check(tree) == ["src/attic: no room of this name is in the table of check-rooms"]
