"""The test runner counts what ran, and nothing else: a crash is a failure, a missing result too."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

import results  # noqa: E402


def meson_log(tmp_path, *entries):
    log = tmp_path / "log.json"
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return log


def entry(name, stdout="", result="OK", returncode=0, stderr=""):
    return {"name": f"culvert:unit / {name}", "stdout": stdout, "stderr": stderr, "result": result, "returncode": returncode}


def test_each_tap_line_is_one_test(tmp_path):
    log = meson_log(tmp_path, entry("lib/bytes", "1..2\nok 1 - reads\nok 2 - stops\n1..1\nok 1 - writes\n"))
    found = results.of_meson(log, ["lib/bytes"], "")
    assert results.tally(found) == (3, 0, 0)
    assert found[1].name == "lib/bytes: stops"


def test_failure_comes_with_the_output(tmp_path):
    out = "1..2\nok 1 - reads\nnot ok 2 - stops\n# 1 != 2\n"
    found = results.of_meson(meson_log(tmp_path, entry("lib/bytes", out, "FAIL", 1, "boom")), ["lib/bytes"], "")
    assert results.tally(found) == (1, 1, 0)
    assert "1 != 2" in found[1].text and "boom" in found[1].text


def test_program_that_died_half_way_is_a_failure_and_the_rest_is_not_counted(tmp_path):
    found = results.of_meson(meson_log(tmp_path, entry("lib/bytes", "1..9\nok 1 - reads\n", "FAIL", -11)), ["lib/bytes"], "")
    assert results.tally(found) == (1, 1, 0)
    assert "ended after 1 of 9 tests" in found[1].name


def test_short_plan_is_a_failure_though_the_program_ended_well(tmp_path):
    found = results.of_meson(meson_log(tmp_path, entry("lib/bytes", "1..9\nok 1 - reads\n")), ["lib/bytes"], "")
    assert results.tally(found) == (1, 1, 0)


def test_leak_after_the_last_test_is_a_failure(tmp_path):
    found = results.of_meson(meson_log(tmp_path, entry("lib/bytes", "1..1\nok 1 - reads\n", "FAIL", 23, "leak")), ["lib/bytes"], "")
    assert results.tally(found) == (1, 1, 0)
    assert "leak" in found[1].text


def test_program_without_tap_is_one_test(tmp_path):
    log = meson_log(tmp_path, entry("sim/run", "4000 runs"), entry("sim/other", "seed 7", "FAIL", 1))
    found = results.of_meson(log, ["sim/run", "sim/other"], "")
    assert [result.status for result in found] == ["passed", "failed"]
    assert "seed 7" in found[1].text


def test_test_without_a_result_is_a_failure(tmp_path):
    found = results.of_meson(meson_log(tmp_path, entry("lib/bytes", "1..1\nok 1 - reads\n")), ["lib/bytes", "lib/log"], "meson broke")
    assert results.tally(found) == (1, 1, 0)
    assert results.of_meson(tmp_path / "missing", ["lib/log"], "meson broke")[0].status == "failed"


def test_skip_keeps_its_reason(tmp_path):
    log = meson_log(tmp_path, entry("a", "1..1\nok 1 - tun # SKIP no /dev/net/tun\n"), entry("b", "no such kernel\n", "SKIP", 77))
    found = results.of_meson(log, ["a", "b"], "")
    assert [(result.status, result.text) for result in found] == [("skipped", "no /dev/net/tun"), ("skipped", "no such kernel")]


def junit(tmp_path, cases):
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return report


def test_junit_cases_are_counted_one_by_one(tmp_path):
    report = junit(tmp_path, '<testcase classname="tests.t" name="a"/><testcase classname="tests.t" name="b"><failure/></testcase>'
                             '<testcase classname="tests.t" name="c"><skipped message="needs root"/></testcase>')
    found = results.of_junit(report, "system", 1)
    assert results.tally(found) == (1, 1, 1)
    assert found[2].text == "needs root"


@pytest.mark.parametrize("cases, status", [
    ('<testcase classname="t" name="a"/>', 1),
    ('<testcase classname="t" name="a"/>', 2),
    ('<testcase classname="t" name="a"><failure/></testcase>', 0),
    ("", 3),
])
def test_exit_status_that_does_not_fit_the_report_is_a_failure(tmp_path, cases, status):
    assert results.tally(results.of_junit(junit(tmp_path, cases), "system", status))[1] >= 1


def test_missing_report_is_a_failure(tmp_path):
    assert results.tally(results.of_junit(tmp_path / "none.xml", "system", 0)) == (0, 1, 0)


def test_lines_of_checks_are_counted_and_silence_is_a_failure():
    found = results.of_lines("ok a\nsrc/x.c: bad\nnot ok b\nskip c: no clang\n", 1, "lint")
    assert results.tally(found) == (1, 1, 1)
    assert found[1].text == "src/x.c: bad" and found[2].text == "no clang"
    assert results.tally(results.of_lines("", 0, "lint")) == (0, 1, 0)
    assert results.tally(results.of_lines("ok a\n", 1, "lint")) == (1, 1, 0)


@pytest.mark.parametrize("statuses, last, code", [
    (["passed", "passed"], "2 passed, 0 failed, 0 skipped", 0),
    (["passed", "failed"], "1 passed, 1 failed, 0 skipped", 1),
    (["passed", "skipped"], "1 passed, 0 failed, 1 skipped", 0),
    (["skipped"], "0 passed, 0 failed, 1 skipped", 1),
    ([], "0 passed, 0 failed, 0 skipped", 1),
])
def test_last_line_and_exit_status(capsys, statuses, last, code):
    assert results.summarize([("unit", [results.Result(status, "x", "") for status in statuses], 1.0)]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last
