# SPDX-License-Identifier: ISC
"""`mta-sts query` and `mta-sts cache` on real answers: the command, the
resolver, a DNS server and policy hosts on loopback."""
import fcntl
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from fakeworld import World, policy, wait_for
from inject_certs import BEFORE, PAST
from inject_scratch import unprivileged
from inject_smtp import Smtp
from inject_tap import Tap

tap = Tap()
ok, same = tap.ok, tap.equal

# The real resolver speaks to policy hosts on port 443 only and to MX hosts on
# 25; this stands in for it there, and is the real one for routes.
STAND_IN = """#!/bin/sh
conf= what= domain=
while [ $# -gt 0 ]; do
    case $1 in
    -f) conf=$2; shift;;
    --once) what=lookup;;
    --routes) what=routes;;
    --due) what=due;;
    --refresh) what=refresh;;
    -*) ;;
    *) domain=$1;;
    esac
    shift
done
case $what,$domain in
routes,*) exec %(top)s/mta-sts-resolver -e -f $conf --once --routes $domain;;
due,*) exec %(top)s/help_resolver $conf %(port)d due $domain;;
refresh,) exec %(top)s/help_resolver $conf %(port)d refresh;;
refresh,*) %(top)s/help_resolver $conf %(port)d force $domain |
    sed 's/^done force/done refresh/'; exit 0;;
,) exec %(top)s/help_probe_resolver $conf serve %(mx_port)d;;
*) exec %(top)s/help_resolver $conf %(port)d lookup $domain;;
esac
"""


class Case:
    """A state directory, a configuration, and the command."""

    def __init__(self, **config):
        self.dir = tempfile.mkdtemp(dir=TOP)
        os.chmod(self.dir, 0o755)
        self.state = os.path.join(self.dir, "state")
        os.mkdir(self.state, 0o750)
        self.conf = os.path.join(self.dir, "conf")
        WORLD.configure(self.conf, config, state_dir=self.state,
                        resolver=TOP + "/stand-in")
        WORLD.txt.clear()
        WORLD.policy.clear()
        WORLD.mx.clear()

    def run(self, *args):
        p = subprocess.run([TOP + "/mta-sts", "-f", self.conf, *args],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=300)
        self.out, self.err = p.stdout.decode(), p.stderr.decode()
        if p.returncode < 0 or "Sanitizer" in self.err:
            ok(False, "the command ends well: %s" % (args,), self.err)
        return p.returncode

    def json(self, *args):
        self.code = self.run(*args, "--json")
        return json.loads(self.out)

    def publish(self, record_id="1", **kw):
        WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=%s" % record_id]
        WORLD.policy["d.test"] = policy(**kw)
        WORLD.mx["d.test"] = [(10, "mx.d.test"), (20, "mx2.d.test")]

    def age(self, seconds, domain="d.test"):
        subprocess.run([TOP + "/help_age", self.state, domain,
                        str(seconds)], check=True)


def an_enforced_domain():
    case = Case()
    case.publish()
    same(case.run("query", "D.Test."), 0, "enforced: exit status 0")
    for line in (r"^domain:         d\.test$", r"^record id:      1$",
                 r"^policy mode:    enforce$",
                 r"^max_age:        604800 \(7 days\)$",
                 r"^mx pattern:     mx\.d\.test$",
                 r"^fetched:        \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(\d ",
                 r"^expires:        .*Z \(in [67] days\)$",
                 r"^MX host:        10 mx\.d\.test 127\.0\.0\.1: permitted$",
                 r"^MX host:        20 mx2\.d\.test .*: not in the policy$",
                 r"^verdict:        enforce: "):
        ok(re.search(line, case.out, re.M), "it shows " + line)
    j = case.json("query", "d.test")
    same((j["verdict"], j["deliver"], j["reason"], j["record_id"]),
         ("enforce", True, "ok", "1"), "the same as JSON")
    same(j["policy"], {"mode": "enforce", "max_age": 604800,
                       "mx": ["mx.d.test"]}, "the policy as JSON")
    same([(m["host"], m["preference"], m["permitted"], m["addresses"])
          for m in j["mx_hosts"]],
         [("mx.d.test", 10, True, ["127.0.0.1"]),
          ("mx2.d.test", 20, False, ["127.0.0.1"])], "MX hosts as JSON")


def probes():
    case = Case()
    case.publish()
    WORLD.mx["d.test"] = [(10, "mx.d.test")]
    same(case.run("query", "d.test"), 0, "not asked to probe")
    same(("last probe" in case.out, MX.commands), (False, []),
         "no MX host is contacted")
    same(case.run("query", "d.test", "--probe"), 0, "--probe")
    ok("\nlast probe:     mx.d.test: TLS with a valid certificate (ok), "
       in case.out, "a valid certificate", case.out)
    same([command.split()[0] for command in MX.commands],
         ["EHLO", "STARTTLS", "tls:QUIT"], "and no mail")
    host = case.json("query", "d.test")["mx_hosts"][0]
    same((host["probe"], host["probed"] is None), ("ok", False),
         "remembered, and shown as JSON")
    case = Case()
    case.publish()
    WORLD.mx["d.test"] = [(10, "old.d.test"), (20, "mx.d.test")]
    j = case.json("query", "d.test", "--probe")
    same((case.code, [(m["host"], m["probe"]) for m in j["mx_hosts"]]),
         (0, [("old.d.test", "mx_cert_expired"), ("mx.d.test", None)]),
         "one that has run out; an address is probed for one host only")
    case = Case(resolver=TOP + "/dies")
    WORLD.mx["d.test"] = [(10, "mx.d.test")]
    WORLD.txt.clear()
    same(case.run("query", "d.test", "--probe"), 0, "a resolver that dies")
    ok("\nverdict:        none" in case.out and "last probe" not in case.out,
       "costs only the probe")
    case = Case()
    same((case.run("query", "none.test", "--probe"), case.err), (0, ""),
         "nothing to probe")
    same(case.run("cache", "list", "--probe"), 2, "an option of query alone")


def verdicts():
    case = Case()
    case.publish(mx="other.test")
    same(case.run("query", "d.test"), 1, "no permitted host: exit status 1")
    ok("(no_match)" in case.out and "verdict:        defer" in case.out,
       "deferred, and why")
    case = Case()
    case.publish(mode="testing", mx="other.test")
    same(case.run("query", "d.test"), 0, "testing: exit status 0")
    ok("verdict:        testing: " in case.out, "and says so")
    case = Case()
    j = case.json("query", "none.test")
    same((case.code, j["verdict"], j["reason"], j["policy"]),
         (0, "none", "no_record", None), "no record: delivered")
    ok(j["absence"]["until"] is not None, "until when that holds")
    j = case.json("query", "[192.0.2.1]")
    same((case.code, j["verdict"], j["reason"]),
         (0, "none", "address_literal"), "an address literal has no policy")
    j = case.json("query", "\udcff.test")
    same((case.code, j["verdict"], j["reason"]), (1, "defer", "bad_idn"),
         "a name that cannot be converted is deferred")
    ok("\\xff" in case.out.replace("\\\\", "\\"), "and shown escaped")


def addresses():
    """An address is asked about by its domain; what is neither is refused."""
    case = Case()
    case.publish()
    same(case.run("query", "u@D.test"), 0, "a mail address")
    ok("\nverdict:        enforce" in case.out, "by its domain")
    same(case.json("query", '"a@b"@d.test')["domain"], "d.test",
         "the last @ counts")
    for name in ("https://d.test/", "", "d.test:25", "u@", "a b", "..",
                 "<u@d.test>"):
        same(case.run("query", name), 2, f"'{name}': wrong usage")
        ok("neither a domain nor a mail address" in case.err and
           case.out == "", "and says why")
    same(case.run("cache", "show", "u@d.test"), 0, "cache show of an address")
    same(case.run("cache", "show", "d..test"), 2, "and of no domain")
    same(case.run("cache", "refresh", "d/test"), 2, "cache refresh of none")
    same(case.run("cache", "drop", "u@d.test"), 0, "cache drop of an address")


def overrides():
    case = Case(domain="d.test off")
    case.publish()
    same(case.run("query", "d.test"), 0, "switched off: exit status 0")
    ok("override:       domain d.test off (line " in case.out,
       "the override and its line")


def local_faults():
    case = Case(resolver="/nonexistent")
    case.publish()
    same(case.run("query", "d.test"), 1, "no resolver: deferred")
    ok("(resolver_missing)" in case.out, "with its reason")
    case = Case(resolver="/nonexistent", on_local_error="deliver")
    same(case.run("query", "d.test"), 0, "on-local-error deliver: delivered")
    case = Case(state_dir="/nonexistent/state")
    same(case.run("query", "d.test"), 1, "no state directory: deferred")
    ok("(state_missing)" in case.out, "with its reason")
    same(case.run("cache", "list"), 3, "nothing to list: exit status 3")
    ok("mta-sts setup --user" in case.err, "and what to do")


def trouble_with_the_policy_host():
    for line, names, wanted in (
            ("deliver", WORLD.bad_address, (0, "none", "fetch_dns")),
            ("defer", WORLD.bad_address, (1, "defer", "fetch_dns")),
            ("defer", WORLD.no_address, (0, "none", "fetch_no_address"))):
        case = Case(on_dns_error=line)
        case.publish()
        names.add("mta-sts.d.test")
        j = case.json("query", "d.test")
        names.clear()
        same((case.code, j["verdict"], j["reason"]), wanted,
             "on-dns-error %s, %s of the policy host" % (line, wanted[2]))


def the_cache():
    case = Case()
    same(case.run("cache", "list"), 0, "an empty cache")
    same(case.out, "", "has no lines")
    same(case.json("cache", "list"), [], "as JSON an empty array")
    case.publish()
    case.run("query", "d.test")
    case.run("query", "a.test")
    same(case.run("cache", "list"), 0, "two domains")
    lines = case.out.splitlines()
    same([line.split()[:4] for line in lines],
         [["a.test", "absent", "-", "-"], ["d.test", "policy", "enforce", "1"]],
         "one line each, sorted")
    same([line.split()[6] for line in lines], ["fresh", "fresh"], "fresh")
    j = case.json("cache", "list")
    same([(e["domain"], e["kind"], e["mode"], e["long"]) for e in j],
         [("a.test", "absent", None, False),
          ("d.test", "policy", "enforce", False)], "the same as JSON")
    same(case.run("cache", "show", "d.test"), 0, "show")
    ok(re.search(r"^body:\n    version: STSv1\n    mode: enforce\n    "
                 r"max_age: 604800\n    mx: mx\.d\.test$", case.out, re.M),
       "shows what the policy says", case.out)
    ok("last used: " in case.out and "state:          fresh" in case.out,
       "and the rest")
    for line in (r"^due:            \S+Z \(in (1 day|23 hours|24 hours)\)$",
                 r"^next check:     \S+Z \(in [45] minutes\)$"):
        ok(re.search(line, case.out, re.M), "it shows " + line, case.out)
    same(case.run("cache", "show", "a.test"), 0, 'show "no policy"')
    ok("(no_record)" in case.out, "and why")
    same(case.run("cache", "show", "b.test"), 1, "an unknown domain")
    same(case.run("cache", "drop", "b.test"), 1, "drop an unknown domain")
    same(case.run("cache", "drop", "not a name"), 2, "drop what is no name")
    same(case.run("cache", "drop", "d.test"), 0, "drop")
    same(case.run("cache", "show", "d.test"), 1, "and it is gone")


def escapes():
    """A host chooses what is served, and not what is stored."""
    case = Case()
    case.publish()
    status, body = policy()
    WORLD.policy["d.test"] = (
        status, body + "x: \x1b[2J\x07\n" + 500 * "mx: mx.d.test\n")
    case.run("query", "d.test")
    same(case.run("cache", "show", "d.test"), 0, "a body with escapes")
    ok("\x1b" not in case.out and "[2J" not in case.out,
       "does not reach the terminal")
    same(case.out.count("mx: mx.d.test\n"), 1, "nor do 500 equal lines")


def a_policy_that_is_due():
    """RFC 8461 10.2: it answers at once, and is fetched again afterwards."""
    case = Case()
    case.publish()
    case.run("query", "d.test")
    WORLD.policy["d.test"] = policy(mode="testing")
    case.age(86400 + 1)
    before = WORLD.fetch_count("d.test")
    same((case.json("query", "d.test")["verdict"], case.code), ("enforce", 0),
         "a policy that is due answers")
    wait_for(lambda: WORLD.fetch_count("d.test") > before)
    same(WORLD.fetch_count("d.test") - before, 1,
         "and is fetched again, whatever its id")
    ok(wait_for(lambda: case.json("query", "d.test")["policy"]["mode"]
                == "testing"), "for the next question")


def a_policy_that_is_due_and_locked():
    """A process that only reads has a domain's lock, too, for a moment."""
    for seconds, said in ((60, "done due d.test ok\n"),
                          (2, "done due d.test failed not_due\n")):
        case = Case(fetch_timeout=seconds)
        case.publish()
        case.run("query", "d.test")
        case.age(86400 + 1)
        with open(case.state + "/lock", "r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            due = subprocess.Popen(
                [TOP + "/help_resolver", case.conf, str(WORLD.https_port),
                 "due", "d.test"], stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL)
            if seconds > 10:
                time.sleep(0.5)
                same(due.poll(), None, "a lock is waited for")
            else:
                wait_for(lambda: due.poll() is not None)
        same(due.communicate()[0].decode(), said,
             "for a while: %s" % said.strip())


def refreshes():
    case = Case()
    case.publish()
    same(case.run("cache", "refresh", "d.test"), 1, "an unknown domain")
    ok("d.test: no such entry (not_found)" in case.err, "is named")
    case.run("query", "d.test")
    case.publish("2", mode="testing")
    same(case.run("cache", "refresh", "d.test"), 0, "one domain")
    same(case.out, "fetched 1, not due 0, failed 0\n", "and the summary")
    same(case.json("query", "d.test")["policy"]["mode"], "testing",
         "it is fetched anew")
    WORLD.policy["d.test"] = (404, "gone")
    same(case.run("cache", "refresh", "d.test"), 1, "a failed fetch")
    ok("(fetch_http_status)" in case.err, "and why")
    case.run("cache", "list")
    ok(" failed fetch_http_status\n" in case.out, "the list shows it")
    case.age(3 * 86400)
    case.run("cache", "list")
    ok(" failed fetch_http_status !\n" in case.out,
       "marked after more than a day")
    same(case.run("cache", "refresh"), 1, "all that are due: one fails")


def corruption():
    case = Case()
    case.publish()
    case.run("query", "d.test")
    for root, _, names in os.walk(case.state + "/policies"):
        for name in names:
            with open(os.path.join(root, name), "a") as f:
                f.write("x")
    same(case.run("cache", "show", "d.test"), 3, "a corrupt entry")
    ok("mta-sts cache drop d.test" in case.err, "and what to do")
    case.run("cache", "list")
    ok(" corrupt entry_corrupt !\n" in case.out, "the list marks it")
    same(case.run("cache", "drop", "d.test"), 0, "it can be dropped")


def main():
    an_enforced_domain()
    probes()
    verdicts()
    addresses()
    overrides()
    local_faults()
    trouble_with_the_policy_host()
    the_cache()
    escapes()
    a_policy_that_is_due()
    a_policy_that_is_due_and_locked()
    refreshes()
    corruption()


if __name__ == "__main__":
    with unprivileged("mta-sts", "mta-sts-resolver", "tests/help_resolver",
                      "tests/help_probe_resolver", "tests/help_age") as TOP:
        os.chmod(TOP, 0o755)
        WORLD = World(TOP, ["d.test", "other.test"])
        MX = Smtp(
            WORLD.authority.issue("mx", "subjectAltName=DNS:mx.d.test"),
            by_name={"old.d.test": WORLD.authority.issue(
                "old", "subjectAltName=DNS:old.d.test", PAST, BEFORE)})
        with open(TOP + "/stand-in", "w") as f:
            f.write(STAND_IN % {"top": TOP, "port": WORLD.https_port,
                                "mx_port": MX.port})
        os.chmod(TOP + "/stand-in", 0o755)
        # In serving mode it ends at once.
        with open(TOP + "/dies", "w") as f:
            f.write('#!/bin/sh\ncase "$*" in *--once*) exec %s/stand-in "$@";;'
                    '\nesac\nexit 0\n' % TOP)
        os.chmod(TOP + "/dies", 0o755)
        with MX:
            main()
    sys.exit(tap.done())
