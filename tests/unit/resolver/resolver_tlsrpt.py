# SPDX-License-Identifier: ISC
"""What TLS reports need of the resolver: the _smtp._tls record beside the
other one, and the policy that sessions are made under.  Off, nothing."""
import os
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import resolver_cache
from fakeworld import World, policy
from inject_scratch import unprivileged
from resolver_cache import Case, ok, same, tap

NAME = "_smtp._tls.d.test"
RECORD = "v=TLSRPTv1; rua=mailto:tls@d.test"
ON = {"organization": "Example Org", "contact": "tls@sender.test"}
FIELDS = ["domain", "reason", "failed-id", "failed-reason", "checked",
          "next-check", "until", "failed-since", "failed-next", "failures",
          "refetched", "warned", "used", "used-days", "unused"]


def make(wanted=True, record=RECORD, **config):
    case = Case(**{**(ON if wanted else {}), **config})
    WORLD.silent.clear()
    if record:
        WORLD.txt[NAME] = [record]
    return case


def count(case, function, *arguments):
    """What it returns, and the queries for the record meanwhile."""
    before = WORLD.dns_count(NAME)
    result = function(*arguments)
    return result, WORLD.dns_count(NAME) - before


def record_of(case):
    f = case.fields("checks") or {}
    return f.get("tlsrpt"), int(f.get("tlsrpt-next", 0))


def outcomes(case):
    """The lines of outcomes of all days."""
    folder = os.path.join(case.state, "outcomes")
    lines = []
    for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
        with open(os.path.join(folder, name)) as f:
            lines += [line.split(" ") for line in f.read().split("\n") if line]
    return lines


def policies(case):
    return [urllib.parse.unquote(line[4]) for line in outcomes(case)
            if line[0] == "P"]


def off():
    for config in ({}, {"organization": "Example"}, {"contact": "a@b.test"}):
        case = make(False, **config)
        same(count(case, case.lookup), ("ok", 0),
             "reports are not wanted (%s): no query" % " ".join(config))
        same(list(case.fields("checks")), FIELDS, "no byte more in the check")
        case.publish("1")
        case.age(7200)
        same(count(case, case.lookup), ("ok", 0), "nor with a policy")
        same(list(case.fields("checks")), FIELDS, "nor is there more then")
        same(os.path.exists(os.path.join(case.state, "outcomes")), False,
             "nor an outcome")


def stored():
    case = make()
    same(count(case, case.lookup), ("ok", 1),
         "a domain without a policy: its record is queried once")
    same((case.verdict(), case.fields("checks")["reason"]),
         ("no policy", "no_record"), "and answered as ever")
    text, due = record_of(case)
    same(text, RECORD, "it is stored")
    ok(abs(due - time.time() - 86400) < 30, "for a day", due)
    same(list(case.fields("checks")), FIELDS + ["tlsrpt-next", "tlsrpt"],
         "behind the other fields")
    same(count(case, case.lookup), ("ok", 0), "the next delivery: no query")
    case.age(7200)
    same(count(case, case.lookup), ("ok", 0),
         "nor when the other record is queried again")
    same(record_of(case)[0], RECORD, "and it is still there")
    case.age(80000)
    WORLD.txt[NAME] = ["v=TLSRPTv1; rua=https://d.test/"]
    same(count(case, case.lookup), ("ok", 1), "a day later it is")
    same(record_of(case)[0], "v=TLSRPTv1; rua=https://d.test/",
         "and a new record replaces it")
    WORLD.txt.pop(NAME)
    case.age(90000)
    case.lookup()
    same(record_of(case)[0], "", "one that was withdrawn does not stay")

    case = make()
    case.publish("1")
    same((count(case, case.lookup), case.verdict()), (("ok", 1), "enforce"),
         "a domain with a policy: both")
    same(record_of(case)[0], RECORD, "the record is stored")
    case.age(400)
    same(count(case, case.lookup), ("ok", 0), "a confirmation: no query")
    same(record_of(case)[0], RECORD, "and the record stays")
    case.age(86400)
    same(count(case, case.refresh)[1], 0, "nor does a refresh query it")
    same(record_of(case)[0], RECORD, "but it keeps it")

    case = make(record=None)
    case.lookup()
    text, due = record_of(case)
    same((text, abs(due - time.time() - 86400) < 30), ("", True),
         "that there is none counts for a day, too")
    for record in ("v=TLSRPTv1; rua=", "v=TLSRPTv1; rua=tls@d.test", "x"):
        case = make(record=record)
        same((case.lookup(), record_of(case)[0]), ("ok", ""),
             "%s is none" % record)
    case = make()
    WORLD.txt[NAME] = ["v=spf1 -all", RECORD, "other"]
    case.lookup()
    same(record_of(case)[0], RECORD, "of several the one that counts")
    WORLD.txt[NAME] = [RECORD, RECORD]
    case.age(90000)
    case.lookup()
    same(record_of(case)[0], "", "two that could are none")


def switched_off():
    case = make()
    case.lookup()
    case.configure()
    case.age(7200)
    case.lookup()
    same(list(case.fields("checks")), FIELDS,
         "when reports are not wanted any more the record goes")


def trouble():
    case = make(record=None)
    WORLD.txt[NAME] = None
    same((case.lookup(), case.fields("checks")["reason"], case.verdict()),
         ("ok", "no_record", "no policy"), "SERVFAIL: the answer is as ever")
    text, due = record_of(case)
    same((text, abs(due - time.time() - 3600) < 30), ("", True),
         "and the record is queried again in an hour")
    WORLD.txt[NAME] = [RECORD]
    case.age(3601)
    case.lookup()
    same(record_of(case)[0], RECORD, "which then finds it")
    WORLD.txt[NAME] = None
    case.age(90000)
    case.lookup()
    same(record_of(case)[0], RECORD, "one that was there outlives SERVFAIL")

    case = make(dns_timeout=4, fetch_timeout=4)
    WORLD.silent.add(NAME)
    began = time.time()
    same((case.lookup(), case.verdict()), ("ok", "no policy"),
         "a name server that is silent about it: the answer is as ever")
    spent = time.time() - began
    ok(spent < 4, "after no more than half of dns-timeout", "%.1f" % spent)
    before = WORLD.dns_count(NAME)
    case.age(3000)
    WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=1"]
    WORLD.policy["d.test"] = policy()
    case.set("until", 1)
    began = time.time()
    same((case.lookup(), case.verdict()), ("ok", "enforce"),
         "a policy appears meanwhile")
    same(WORLD.dns_count(NAME) - before, 0, "the silent one rests for an hour")

    case = make(dns_timeout=10, fetch_timeout=4)
    WORLD.silent.add(NAME)
    case.publish("1")
    began = time.time()
    same((case.lookup(), case.verdict()), ("ok", "enforce"),
         "silence beside a policy: it is fetched")
    spent = time.time() - began
    ok(spent < 4.5, "at once", "%.1f" % spent)
    same(record_of(case)[1], 0, "and the record is queried the next time")


def policy_lines():
    case = make()
    case.publish("1", mode="testing")
    case.lookup()
    lines = outcomes(case)
    same(len(lines), 1, "a policy that is fetched: one line", lines)
    kind, when, domain, fetched, _, end = lines[0]
    same((kind, domain, fetched, end),
         ("P", "d.test", case.fields()["fetched"], "."), "with its fetch")
    ok(abs(int(when) - time.time()) < 30, "the time")
    same(policies(case), ["version: STSv1\nmode: testing\nmx: mx.d.test\n"
                          "max_age: 604800\n"], "and what it says, as served")
    case.lookup()
    case.age(400)
    case.lookup()
    same(len(policies(case)), 1, "none for a confirmation")
    case.age(90000)
    case.publish("2", mode="enforce")
    case.refresh()
    same(len(policies(case)), 2, "another for a refresh")
    case = make(record=None)
    case.publish("1")
    case.lookup()
    same(outcomes(case), [], "none for a domain that wants no reports")
    case = make()
    case.publish("1")
    os.mkdir(os.path.join(case.state, "outcomes"), 0o500)
    same((case.lookup(), case.verdict()), ("ok", "enforce"),
         "a line that cannot be written changes no answer")
    ok("event=outcome-lost reason=state_unwritable" in case.log,
       "and is in the log", case.log)
    os.chmod(os.path.join(case.state, "outcomes"), 0o700)


def failures(case):
    """Policy in force, result and reason of each failed fetch."""
    return [(line[4], *line[5:11]) for line in outcomes(case)
            if line[0] == "1"]


def failing(reply, **config):
    case = make(**config)
    case.publish("1")
    WORLD.policy["d.test"] = reply
    case.lookup()
    return case


def failed_fetches():
    case = failing((500, ""))
    fetch_error = ("0", "sts-policy-fetch-error", "-", "-", "-", "-",
                   "fetch-http-status")
    line = outcomes(case)[0]
    same((line[2], line[3], line[12:]), ("d.test", "sts", ["."]),
         "a failed fetch: an outcome of the domain")
    same(failures(case), [fetch_error],
         "with its result and reason, and without an MX host")
    ok("TLSRPT:" not in case.log, "it is no session", case.log)
    case.lookup()
    same(len(failures(case)), 1, "none in the back-off")
    case.age(301)
    case.lookup()
    same(failures(case), [fetch_error] * 2, "another after it")

    case = failing((200, "version: STSv1\nmode: enforce\n"))
    same([f[1:7:5] for f in failures(case)],
         [("sts-policy-invalid", "policy-no-max-age")], "what is no policy")
    same(policies(case), ["version: STSv1\nmode: enforce\n"],
         "and its text, errors included")
    same([line[3] for line in outcomes(case) if line[0] == "P"], ["0"],
         "which was never in force")
    case = failing((200, "x" * 3000))
    same((len(failures(case)), policies(case)), (1, []),
         "a long page is not a policy with errors")
    case = make()
    case.publish("1")
    WORLD.expired.add("d.test")
    case.lookup()
    same([f[1:7:5] for f in failures(case)],
         [("sts-webpki-invalid", "fetch-cert-expired")],
         "a certificate that has expired")
    case = failing((500, ""), ca_file="/nonexistent/ca.pem")
    same(failures(case), [], "a fault of this machine is none of theirs")
    case = make(record=None)
    case.publish("1")
    WORLD.policy["d.test"] = (500, "")
    case.lookup()
    same(failures(case), [], "a domain that wants no reports has none")

    case = failing((500, ""), **{"organization": "", "contact": ""})
    same(failures(case), [], "nor where none are made")


def failures_in_force():
    case = make()
    case.publish("1")
    case.lookup()
    case.age(400)
    case.publish("2")
    WORLD.policy["d.test"] = (500, "")
    same((case.lookup(), case.verdict()), ("ok", "enforce"),
         "a policy in force, and the new one cannot be fetched")
    same([f[:2] for f in failures(case)],
         [(case.fields()["fetched"], "sts-policy-fetch-error")],
         "an outcome under the policy in force")
    case.age(86400)
    case.refresh()
    same(len(failures(case)), 1, "a refresh that fails for no mail: none")
    case.set("failed-next", 1)
    case.set("used", int(time.time()) - 80000)
    case.refresh()
    same(len(failures(case)), 2, "for a policy that mail used: one")

    case = make()
    case.publish("1", mode="none", mx=None)
    case.lookup()
    case.age(400)
    case.publish("2")
    WORLD.policy["d.test"] = (500, "")
    case.lookup()
    same(failures(case), [], "a policy of mode none asks for no report")


def main():
    off()
    stored()
    switched_off()
    trouble()
    policy_lines()
    failed_fetches()
    failures_in_force()


if __name__ == "__main__":
    with unprivileged("tests/help_resolver", "tests/help_age") as TOP:
        WORLD = World(TOP, ["d.test", "e.test"])
        resolver_cache.TOP, resolver_cache.WORLD = TOP, WORLD
        main()
    sys.exit(tap.done())
