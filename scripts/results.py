"""Reading what test programs report: Meson's log with TAP in it, pytest's JUnit file, plain lines."""

import collections
import json
import pathlib
import re
import subprocess
import xml.etree.ElementTree

Result = collections.namedtuple("Result", "status name text")  # status: "passed", "failed" or "skipped"

TAP_LINE = re.compile(r"^\s*(not )?ok\b\s*\d*\s*(?:- )?(.*?)(?:\s+# (SKIP|skip)\b\s*(.*))?$")
TAP_PLAN = re.compile(r"^\s*1\.\.(\d+)")
SHOWN_LINES = 200


def passed(name):
    return Result("passed", name, "")


def failed(name, text):
    return Result("failed", name, text)


def skipped(name, reason):
    return Result("skipped", name, reason)


def meson_list(folder):
    """[(name, set of suites)] of a build folder's tests."""
    text = subprocess.run(["meson", "introspect", "--tests", str(folder)], check=True, capture_output=True, text=True).stdout
    return [(test["name"], {suite.rpartition(":")[2] for suite in test["suite"]}) for test in json.loads(text)]


def of_tap(program, out, err, ended, said):
    """The results in a program's TAP output; a program that writes none is one test by itself.

    ended: Meson's word for how it ended, "OK" or another."""
    found, planned, missing = [], 0, None
    for line in out.splitlines():
        plan = TAP_PLAN.match(line)
        match = TAP_LINE.match(line)
        if plan:
            planned += int(plan[1])
        elif match:
            name = f"{program}: {match[2].strip() or 'unnamed'}"
            if match[3]:
                found.append(skipped(name, match[4] or "the test gave no reason"))
            elif match[1]:
                found.append(failed(name, ""))
            else:
                found.append(passed(name))
    text = said + out + err
    if not found and not planned:
        if ended == "SKIP":
            return [skipped(program, (out + err).strip().splitlines()[-1] if (out + err).strip() else "it gave no reason")]
        return [passed(program) if ended == "OK" else failed(program, text)]
    if len(found) < planned:
        missing = f"ended after {len(found)} of {planned} tests"
    elif ended != "OK" and not any(result.status == "failed" for result in found):
        missing = "failed as a program, though each of its tests passed"
    if missing:
        found.append(failed(f"{program}: {missing}", ""))
    # One copy of the output is enough, with the first that failed.
    for i, result in enumerate(found):
        if result.status == "failed":
            found[i] = failed(result.name, text)
            break
    return found


def of_meson(log, names, said):
    """The results in Meson's log (one JSON object a line) of the tests named; one that is not in it has failed."""
    found, seen = [], set()
    lines = pathlib.Path(log).read_text(errors="replace").splitlines() if pathlib.Path(log).exists() else []
    for line in lines:
        entry = json.loads(line)
        name = entry["name"].rpartition(" / ")[2].removeprefix("culvert:")
        seen.add(name)
        ended = entry["result"]
        how = "" if ended == "OK" else f"({ended}, exit status {entry.get('returncode')})\n"
        found += of_tap(name, entry.get("stdout") or "", entry.get("stderr") or "", ended, how)
    for name in names:
        if name not in seen:
            found.append(failed(f"{name}: no result in Meson's log", said[-4000:]))
    return found


def of_junit(report, tier, status):
    """The results in a JUnit file; pytest's exit status must fit them."""
    found = []
    try:
        cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    except (OSError, xml.etree.ElementTree.ParseError) as problem:
        return [failed(tier, f"pytest ended with {status} and left no report: {problem}")]
    for case in cases:
        name = f"{case.get('classname', '').rpartition('.')[2]}: {case.get('name')}"
        kinds = {child.tag: child for child in case}
        trouble = kinds.get("failure", kinds.get("error"))
        if trouble is not None:
            # pytest has shown it already, as it happened.
            found.append(failed(name, ""))
        elif "skipped" in kinds:
            found.append(skipped(name, kinds["skipped"].get("message") or "the test gave no reason"))
        else:
            found.append(passed(name))
    if not found:
        found.append(skipped(tier, "no such tests in this tree") if status == 5 else failed(tier, f"pytest ended with {status}"))
    elif status not in (0, 1) or (status == 1) != any(result.status == "failed" for result in found):
        found.append(failed(tier, f"pytest ended with {status}, which does not fit its report"))
    return found


def of_lines(text, status, tier):
    """The results of a program that says "ok NAME", "not ok NAME" or "skip NAME: REASON"."""
    found, since = [], []
    for line in text.splitlines():
        match = re.match(r"^(ok|not ok|skip) (.*)$", line)
        if not match:
            since.append(line)
        elif match[1] == "skip":
            name, _, reason = match[2].partition(": ")
            found.append(skipped(name, reason or "it gave no reason"))
        else:
            found.append(passed(match[2]) if match[1] == "ok" else failed(match[2], "\n".join(since)))
        if match:
            since = []
    if status and not any(result.status == "failed" for result in found):
        found.append(failed(tier, f"ended with {status}\n" + "\n".join(since)))
    return found or [failed(tier, f"ended with {status} and reported nothing\n" + text)]


def tally(found):
    counted = collections.Counter(result.status for result in found)
    return counted["passed"], counted["failed"], counted["skipped"]


def words(counts):
    return "{} passed, {} failed, {} skipped".format(*counts)


def show(found):
    """Says what failed, with its output, and what was skipped, with the reason."""
    for result in found:
        if result.status == "failed":
            print(f"   FAILED {result.name}")
            lines = result.text.splitlines()
            if len(lines) > SHOWN_LINES:
                print(f"      ({len(lines) - SHOWN_LINES} lines before these left out)")
            for line in lines[-SHOWN_LINES:]:
                print("      " + line)
    for reason, count in collections.Counter(r.text for r in found if r.status == "skipped").items():
        names = [result.name for result in found if result.status == "skipped" and result.text == reason]
        print(f"   skipped {names[0]}{f' and {count - 1} more' if count > 1 else ''}: {reason}")


def summarize(tiers):
    """Prints the table of tiers, what failed, and the last line; gives the exit status."""
    print("\n== summary")
    everything = [result for _, found, _ in tiers for result in found]
    for name, found, seconds in tiers:
        print(f"   {name:8} {words(tally(found))} ({seconds:.0f} s)")
    for result in everything:
        if result.status == "failed":
            print(f"   FAILED {result.name}")
    total = tally(everything)
    print(words(total))
    return 0 if total[0] and not total[1] else 1
