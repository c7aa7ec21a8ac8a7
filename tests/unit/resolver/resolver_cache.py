# SPDX-License-Identifier: ISC
"""What a lookup and a refresh do to the store: tests/vectors/cache_state.tsv,
row by row, and what design and RFC 8461 ask besides.  The real resolver, its
own store, a DNS server and policy hosts on loopback; entries are aged by
help_age."""
import csv
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from fakeworld import World, policy, wait_for
from inject_scratch import unprivileged
from inject_tap import Tap

tap = Tap()
ok, same = tap.ok, tap.equal


class Case:
    """One store, fresh, and the resolver's answers about d.test."""

    def __init__(self, **config):
        self.dir = tempfile.mkdtemp(dir=TOP)
        self.state = os.path.join(self.dir, "state")
        os.mkdir(self.state, 0o750)
        self.conf = os.path.join(self.dir, "conf")
        self.configure(**config)
        WORLD.txt.clear()
        WORLD.policy.clear()
        WORLD.expired.clear()
        self.log = ""

    def configure(self, **config):
        WORLD.configure(self.conf, config, state_dir=self.state)

    def run(self, what, *domains, check=True):
        p = subprocess.run(
            [TOP + "/help_resolver", self.conf, str(WORLD.https_port),
             what, *domains], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, timeout=300)
        self.log = p.stderr
        if p.returncode < 0 or (check and "Sanitizer" in p.stderr):
            ok(False, "the resolver ends well", p.stderr)
        return p.stdout.strip()

    def lookup(self, domain="d.test"):
        out = self.run("lookup", domain)
        return out.replace("done lookup %s " % domain, "")

    def force(self, domain="d.test"):
        return self.run("force", domain).replace("done force %s " % domain, "")

    def refresh(self):
        return self.run("refresh")

    def age(self, seconds, domain="d.test"):
        subprocess.run([TOP + "/help_age", self.state, domain,
                        str(seconds)], check=True)

    def set(self, field, value, domain="d.test"):
        subprocess.run([TOP + "/help_age", self.state, domain, "set",
                        field, str(value)], check=True)

    def newest(self, seconds):
        """The newest fetch of the store, so many seconds from now."""
        body = "mta-sts newest 2\nfetched: %d\n" % (time.time() + seconds)
        with open(os.path.join(self.state, "newest"), "w") as f:
            f.write(body + "crc32: %08x\n" % zlib.crc32(body.encode()))

    def file(self, kind, domain="d.test"):
        for root, _, names in os.walk(os.path.join(self.state, kind)):
            if domain in names:
                return os.path.join(root, domain)
        return None

    def fields(self, kind="policies", domain="d.test"):
        path = self.file(kind, domain)
        if path is None:
            return None
        lines = open(path).read().split("\n")[1:-2]
        pairs = [line.split(": ", 1) for line in lines]
        return {p[0]: p[1] if len(p) > 1 else "" for p in pairs}

    def verdict(self, domain="d.test"):
        """What a reader concludes from the store alone."""
        f = self.fields("policies", domain)
        if f and int(f["expires"]) > time.time():
            return f["mode"]
        c = self.fields("checks", domain)
        if c and c["reason"] != "ok" and int(c["until"]) > time.time():
            return "no policy"
        return "unknown"

    def publish(self, record_id="1", **kw):
        WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=%s" % record_id]
        WORLD.policy["d.test"] = policy(**kw)

    def fetches(self):
        before = WORLD.fetch_count("d.test")
        return lambda: WORLD.fetch_count("d.test") - before

    def queries(self):
        before = WORLD.dns_count("_mta-sts.d.test")
        return lambda: WORLD.dns_count("_mta-sts.d.test") - before


def cached(**config):
    """A case whose entry of d.test (id 1, enforce) was fetched just now."""
    case = Case(**config)
    case.publish("1")
    assert case.lookup() == "ok", case.log
    return case


def gone():
    WORLD.txt.pop("_mta-sts.d.test", None)


ROWS = {}


def row(*ids):
    def register(function):
        for i in ids:
            ROWS[i] = function
        return function
    return register


@row("CAC-001")
def first_lookup(name):
    case = Case()
    case.publish("1234", mx="mx.d.test")
    same(case.lookup(), "ok", name)
    f = case.fields()
    same((f["id"], f["mode"]), ("1234", "enforce"), name + ": stored")
    same(oct(os.stat(case.file("policies")).st_mode & 0o7777), "0o640",
         name + ": mode 0640")


@row("CAC-004")
def same_id_https_broken(name):
    case = cached()
    case.age(400)
    WORLD.policy["d.test"] = (500, "broken")
    fetches = case.fetches()
    same(case.lookup(), "ok", name)
    same((case.verdict(), fetches()), ("enforce", 0), name)


@row("CAC-005")
def expired_serves_new(name):
    case = cached()
    case.age(700000)
    case.publish("1", mode="testing")
    same(case.lookup(), "ok", name)
    same(case.verdict(), "testing", name)


@row("CAC-007")
def new_id_https_fails(name):
    case = cached()
    case.age(400)
    WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=2"]
    WORLD.policy["d.test"] = (404, "")
    same(case.lookup(), "ok", name)
    f = case.fields()
    same((f["mode"], f["id"], case.fields("checks")["failed-id"]),
         ("enforce", "1", "2"), name)


@row("CAC-008")
def expired_new_id_https_fails(name):
    case = cached()
    case.age(700000)
    WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=2"]
    WORLD.policy["d.test"] = (404, "")
    same(case.lookup(), "ok", name)
    same(case.verdict(), "no policy", name)


@row("CAC-009")
def record_gone(name):
    case = cached()
    case.age(400)
    gone()
    same(case.lookup(), "ok", name)
    same(case.verdict(), "enforce", name)


@row("CAC-012")
def record_ill_formed(name):
    case = cached()
    case.age(400)
    WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id="]
    same(case.lookup(), "ok", name)
    same(case.verdict(), "enforce", name)


@row("CAC-013")
def record_servfail(name):
    case = cached()
    case.age(400)
    WORLD.txt["_mta-sts.d.test"] = None
    same(case.lookup(), "ok", name)
    same(case.verdict(), "enforce", name)
    queries = case.queries()
    case.lookup()
    same(queries(), 0, name + ": no query for a minute")
    case.age(61)
    case.lookup()
    ok(queries() > 0, name + ": then again")


@row("CAC-015", "CAC-016", "CAC-017")
def back_off(name):
    case = Case()
    WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=A"]
    WORLD.policy["d.test"] = (500, "")
    fetches = case.fetches()
    same((case.lookup(), fetches()), ("ok", 1), name + ": a failed fetch")
    same(case.verdict(), "no policy", name)
    if name.startswith("CAC-015"):
        same((case.lookup(), fetches()), ("ok", 1), name)
        same(case.verdict(), "no policy", name)
    elif name.startswith("CAC-016"):
        WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=B"]
        WORLD.policy["d.test"] = policy()
        same((case.lookup(), fetches()), ("ok", 2), name)
        same(case.verdict(), "enforce", name)
        same(case.fields("checks")["reason"], "ok",
             name + ": the negative entry is gone")
    else:
        case.age(301)
        same((case.lookup(), fetches()), ("ok", 2), name)


@row("CAC-018")
def refresh_same_id(name):
    case = cached()
    case.age(86400)
    before = int(case.fields()["expires"])
    fetches = case.fetches()
    case.refresh()
    same(fetches(), 1, name + ": fetched again")
    ok(int(case.fields()["expires"]) >= before + 86400, name)


@row("CAC-019")
def refresh_new_id(name):
    case = cached()
    case.age(86400)
    case.publish("2", mode="testing")
    case.refresh()
    same((case.verdict(), case.fields()["id"]), ("testing", "2"), name)


@row("CAC-020")
def refresh_fails(name):
    case = cached()
    case.age(86400)
    before = case.fields()["expires"]
    WORLD.policy["d.test"] = (500, "")
    same(case.refresh(), "done refresh d.test failed fetch_http_status\n"
         "fetched=0 not_due=0 failed=1 removed=0", name)
    same((case.verdict(), case.fields()["expires"]), ("enforce", before), name)
    ok("warning: domain=d.test event=fetch-failed" in case.log and
       re.search(r"policy_left=(518400|5183[5-9]\d) ", case.log),
       name + ": the log says how long the policy lasts", case.log)


@row("CAC-022")
def refresh_not_due(name):
    case = cached()
    fetches = case.fetches()
    same((case.refresh(), fetches()),
         ("fetched=0 not_due=1 failed=0 removed=0", 0), name)


@row("CAC-025")
def refresh_same_record(name):
    case = Case(refresh_after=60)
    case.publish("1", max_age=100)
    case.lookup()
    case.publish("1", mode="testing", max_age=100)
    case.age(90)
    case.refresh()
    same(case.verdict(), "testing", name)


@row("CAC-027")
def invalid_mode(name):
    case = cached()
    path = case.file("policies")
    text = open(path).read().replace("mode: enforce", "mode: invalid")
    open(path, "w").write(text)
    fetches = case.fetches()
    same((case.lookup(), fetches()), ("ok", 1), name)
    same(case.verdict(), "enforce", name)


@row("CAC-029")
def expired_record_gone(name):
    case = Case(recheck=1)
    case.publish("1", max_age=1)
    case.lookup()
    case.age(400)
    gone()
    same(case.lookup(), "ok", name)
    same(case.verdict(), "no policy", name)


@row("CAC-030")
def fresh(name):
    case = cached()
    queries = case.queries()
    same((case.lookup(), queries()), ("ok", 0), name)


@row("CAC-033")
def none_lifts(name):
    case = cached()
    case.age(400)
    case.publish("2", mode="none", mx="")
    same(case.lookup(), "ok", name)
    same(case.verdict(), "none", name)


@row("CAC-034")
def none_withdrawn(name):
    case = Case()
    case.publish("1", mode="none", mx="")
    case.lookup()
    case.age(86400)
    gone()
    WORLD.policy["d.test"] = (404, "")
    case.refresh()
    same(case.file("policies"), None, name)
    ok("warning" not in case.log, name + ": silently")


@row("CAC-044")
def no_parent(name):
    case = Case()
    WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=1"]
    WORLD.policy["d.test"] = policy()
    queries = case.queries()
    same(case.lookup("sub.d.test"), "ok", name)
    same((case.verdict("sub.d.test"), queries()), ("no policy", 0), name)


@row("CAC-048")
def clock_back(name):
    case = cached()
    year = 365 * 86400
    case.age(-year)
    f = case.fields()
    ok(int(f["fetched"]) > time.time() + year - 60, name + ": from the future")
    WORLD.policy["d.test"] = (500, "")
    same(case.lookup(), "ok", name)
    same(case.verdict(), "enforce", name + ": not thrown away")
    case.publish("1")
    case.refresh()
    ok(int(case.fields()["expires"]) <= time.time() + 604800 + 1, name)


@row("CAC-049")
def long_life(name):
    case = Case()
    case.publish("1", max_age=9999999999)
    same(case.lookup(), "ok", name)
    ok(int(case.fields()["expires"]) <= time.time() + 31557600 + 1, name)


@row("CAC-051", "CAC-053")
def refresh_at_half_age(name):
    max_age = 86400 if "CAC-051" in name else 3600
    case = Case()
    case.publish("1", max_age=max_age)
    case.lookup()
    fetches = case.fetches()
    case.age(max_age // 2 - 20)
    same((case.refresh(), fetches()),
         ("fetched=0 not_due=1 failed=0 removed=0", 0),
         name + ": not before half its age")
    case.age(20)
    same((case.refresh(), fetches()),
         ("done refresh d.test ok\nfetched=1 not_due=0 failed=0 removed=0", 1),
         name)


def serve(case, lines):
    p = subprocess.run(
        [TOP + "/help_resolver", case.conf, str(WORLD.https_port), "serve"],
        input=lines, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, timeout=300)
    return p.stdout


@row("CAC-052")
def due_at_a_delivery(name):
    case = Case(fetch_timeout=3)
    case.publish("1", max_age=86400)
    case.lookup()
    before = int(case.fields()["fetched"])
    case.age(13 * 3600)
    fetches, queries = case.fetches(), case.queries()
    same((case.lookup(), fetches(), queries()), ("ok", 0, 0),
         name + ": no query before the answer")
    case.run("due", "d.test")
    same(fetches(), 1, name + ": the fetch after it")
    ok(int(case.fields()["fetched"]) >= before, name + ": stored")
    ok(int(case.fields("checks")["used"]) >= before,
       name + ": as used by mail")
    case.run("due", "d.test")
    same(fetches(), 1, name + ": once")
    case.age(13 * 3600)
    same(serve(case, "lookup d.test\nlookup d.test\n"),
         "done lookup d.test ok\n" * 2, name + ": one that serves answers")
    same(fetches(), 2, name + ": and fetches after its answers, once")
    case.age(13 * 3600)
    WORLD.policy["d.test"] = "hang"
    began = time.time()
    p = subprocess.Popen(
        [TOP + "/help_resolver", case.conf, str(WORLD.https_port), "serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)
    p.stdin.write("lookup d.test\n")
    p.stdin.flush()
    same(p.stdout.readline(), "done lookup d.test ok\n",
         name + ": a policy host that hangs delays nobody")
    ok(time.time() - began < 2.5, name + ": at once")
    p.communicate(timeout=300)
    same(case.verdict(), "enforce", name + ": the policy stays")
    same(case.fields("checks")["failed-reason"], "fetch_timeout",
         name + ": the failure is on record")
    queries = case.queries()
    case.age(400)
    case.set("failed-next", int(time.time()) + 60)
    case.lookup()
    ok(queries() > 0, name + ": while it is backed off the record is asked for")


@row("CAC-054")
def not_due(name):
    case = cached()
    case.age(13 * 3600)
    fetches = case.fetches()
    same((case.refresh(), fetches()),
         ("fetched=0 not_due=1 failed=0 removed=0", 0), name)


@row("CAC-055", "CAC-056")
def slow_refresh(name):
    """RACE-1: the lookup waits for the lock that the refresh has, no longer."""
    case = cached(fetch_timeout=4, dns_timeout=1)
    case.age(100000 if "CAC-055" in name else 700000)
    case.set("used", int(time.time()))
    WORLD.policy["d.test"] = "hang"
    before = WORLD.fetch_count("d.test")
    refresh = subprocess.Popen(
        [TOP + "/help_resolver", case.conf, str(WORLD.https_port), "refresh"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ok(wait_for(lambda: WORLD.fetch_count("d.test") == before + 1),
       name + ": a refresh hangs")
    case.publish("2", mx="new.d.test")
    if "CAC-055" in name:
        case.run("force", "d.test")
    same(case.lookup(), "ok", name + ": a delivery")
    f = case.fields()
    same((f["id"], f["mx"]), ("2", "new.d.test"), name + ": stored")
    ok("failed" in refresh.communicate(timeout=300)[0],
       name + ": the refresh fails")
    same((case.fields(), case.verdict()), (f, "enforce"), name)


@row("CAC-059")
def refetch(name):
    case = cached()
    case.publish("1", mx="fixed.d.test")
    fetches = case.fetches()
    same(case.run("refetch", "d.test"), "done refetch d.test ok", name)
    same((fetches(), case.fields()["mx"]), (1, "fixed.d.test"), name)
    case.publish("1", mx="again.d.test")
    same(case.run("refetch", "d.test"), "done refetch d.test failed not_due",
         name + ": at most once in 10 minutes")
    case.age(590)
    case.run("refetch", "d.test")
    same((fetches(), case.fields()["mx"]), (1, "fixed.d.test"), name)
    case.age(10)
    case.run("refetch", "d.test")
    same((fetches(), case.fields()["mx"]), (2, "again.d.test"), name)
    same(case.run("refetch", "e.test"), "done refetch e.test failed not_found",
         name + ": nothing to fetch again")


@row("CAC-057")
def no_name_server(name):
    case = Case(nameserver="127.0.0.1:1")
    same(case.lookup(), "fault no_nameserver", name)
    same((case.file("policies"), case.file("checks")), (None, None), name)


NOT_OURS = {
    "CAC-032": "the client's: domain NAME enforce",
    "CAC-058": "tried in the lab, which can forbid a port",
    "CAC-035": "the MTA's own retry", "CAC-037": "tried in the lab",
    "CAC-039": "tried in the lab", "CAC-040": "tried in the lab",
    "CAC-041": "a report, not a lookup", "CAC-045": "the client's",
    "CAC-046": "the client's", "CAC-047": "the client's",
    "CAC-050": "DANE, tried in the lab",
}


def vectors():
    with open("tests/vectors/cache_state.tsv") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    for r in rows:
        name = "%s %s; %s: %s" % (r["id"], r["precondition"] or "-",
                                  r["event"], r["expected"])
        if r["id"] in ROWS:
            ROWS[r["id"]](name)
        elif r["id"] in NOT_OURS:
            tap.diag("%s is not the resolver's: %s"
                     % (r["id"], NOT_OURS[r["id"]]))
        else:
            ok(False, name + ": a row without a test")


def beyond_vectors():
    case = cached()
    case.age(400)
    gone()
    WORLD.policy["d.test"] = (404, "")
    case.lookup()
    same(case.verdict(), "enforce", "record and policy host gone: in force")

    case = cached()
    case.age(86400)
    gone()
    before = int(case.fields()["expires"])
    case.refresh()
    ok(int(case.fields()["expires"]) >= before + 86400,
       "refresh with the record gone extends the policy (10.2)")

    case = cached()
    used = case.fields("checks")["used"]
    case.age(90000)
    case.refresh()
    same(int(case.fields("checks")["used"]), int(used) - 90000,
         "refresh is no use")
    same(case.fields("checks")["used-days"], "1", "of one day")
    case.age(400)
    case.lookup()
    same(case.fields("checks")["used-days"], "2", "mail on another is")

    case = cached()
    case.age(400)
    expires = case.fields()["expires"]
    case.lookup()
    same(case.fields()["expires"], expires,
         "a confirmation does not extend expires")

    case = cached()
    case.age(181 * 86400)
    fetches = case.fetches()
    case.refresh()
    same(fetches(), 1, "expired half a year less a week ago: fetched again")
    case.age(188 * 86400)
    case.refresh()
    ok(case.file("policies"), "expired and unused for 180 days: noted")
    case.age(86000)
    case.refresh()
    ok(case.file("policies"), "and kept for a day")
    case.age(500)
    case.refresh()
    same((case.file("policies"), fetches()), (None, 1), "then removed")

    case = Case()
    case.publish("1", max_age=0)
    case.lookup()
    same(case.verdict(), "enforce", "max_age 0 holds for recheck seconds")
    case.age(301)
    gone()
    case.lookup()
    same(case.verdict(), "no policy", "and no longer")

    case = Case()
    WORLD.txt["_mta-sts.d.test"] = None
    same(case.lookup(), "ok", "SERVFAIL without a policy: recorded")
    same((case.verdict(), case.fields("checks")["reason"]),
         ("no policy", "dns_servfail"), "as no policy, with its reason")
    f = case.fields("checks")
    same(int(f["until"]) - int(f["checked"]), 60, "for 60 seconds")

    case = Case()
    case.lookup()
    f = case.fields("checks")
    same((f["reason"], int(f["until"]) - int(f["checked"])),
         ("no_record", 3600), "no record: for an hour")

    case = Case()
    case.publish("1")
    WORLD.policy["d.test"] = (200, "version: STSv1\nmode: enforce\n")
    case.lookup()
    f = case.fields("checks")
    same((f["reason"], f["failed-id"], int(f["until"]) - int(f["checked"])),
         ("policy_no_max_age", "1", 300), "an invalid policy: 300 s, its id")


def local_faults():
    case = Case(ca_file="/nonexistent/ca.pem")
    case.publish("1")
    same(case.lookup(), "fault ca_unusable", "an unusable CA file is a fault")
    same((case.file("policies"), case.file("checks")), (None, None),
         "and nothing is recorded")

    case = cached()
    path = case.file("policies")
    text = open(path).read()
    open(path, "w").write(text.replace("enforce", "testing"))
    gone()
    same(case.lookup(), "fault entry_corrupt",
         "a spoiled entry and no record: a fault, never none")
    case.publish("2")
    WORLD.policy["d.test"] = (500, "")
    same(case.lookup(), "fault entry_corrupt", "nor when the fetch fails")
    fetches = case.fetches()
    same((case.lookup(), fetches()), ("fault entry_corrupt", 0),
         "which is backed off too")
    case.publish("3")
    same((case.lookup(), case.verdict()), ("ok", "enforce"),
         "a successful fetch fixes it")

    case = cached()
    os.chmod(case.state, 0o550)
    same(case.run("lookup", "other.test"), "open state_unwritable",
         "a state directory that cannot be written is a fault")
    os.chmod(case.state, 0o750)


def clock_heals():
    """The store was written by a clock a year ahead; then it was put right."""
    year = 365 * 86400

    def ahead():
        case = cached()
        case.age(-year)
        case.newest(year)
        return case

    case = ahead()
    same(case.lookup("nothing.test"), "fault clock",
         "far behind the newest fetch: a local fault")
    same(case.verdict("nothing.test"), "unknown", "nothing is recorded")
    case.refresh()
    ok(int(case.fields()["fetched"]) <= time.time() + 1,
       "a fetch that succeeds replaces the policy from the future")
    same((case.lookup("nothing.test"), case.verdict("nothing.test")),
         ("ok", "no policy"), "and puts the clock's bound right")

    case = ahead()
    WORLD.txt["_mta-sts.e.test"] = ["v=STSv1; id=1"]
    WORLD.policy["e.test"] = policy()
    same((case.lookup("e.test"), case.verdict("e.test")), ("ok", "enforce"),
         "so does that of a domain never seen")
    same(case.lookup("nothing.test"), "ok", "which heals all others")

    case = ahead()
    WORLD.policy["d.test"] = (500, "")
    case.refresh()
    same(case.lookup("nothing.test"), "fault clock",
         "a fetch that fails says nothing of the clock")
    same(case.lookup(), "ok", "the domain with a policy is answered")
    ok(int(case.fields()["expires"]) > time.time() + year,
       "and its policy is not shortened by a clock in doubt")

    case = cached()
    case.set("used", int(time.time() - 181 * 86400))
    case.refresh()
    same(case.verdict(), "enforce", "unused for long, and in force: kept")
    case = cached()
    case.age(year)
    WORLD.policy["d.test"] = (500, "")
    case.refresh()
    case.age(-year)
    ok(int(case.fields("checks")["unused"]) > time.time() + year - 60,
       "found unused by a clock that leapt a year")
    case.age(-2 * 86400)
    case.age(year + 2 * 86400)
    case.set("unused", int(time.time()) + year)
    case.refresh()
    ok(case.file("policies"), "which counts for nothing once it is put right")

    case = Case()
    case.publish("1")
    WORLD.policy["d.test"] = (500, "")
    case.lookup()
    case.age(-year)
    case.publish("1")
    fetches = case.fetches()
    case.lookup()
    same((fetches(), case.verdict()), (1, "enforce"),
         "a fetch that failed in the future is not backed off")


def clock_ahead():
    """Not guessed at: an expired certificate is a failed fetch, and no other
    domain is asked."""
    case = cached()
    case.newest(-30 * 86400)
    WORLD.txt["_mta-sts.cold.test"] = ["v=STSv1; id=1"]
    WORLD.policy["cold.test"] = policy()
    WORLD.expired.update(["cold.test", "d.test"])
    before = WORLD.hello_count("d.test")
    same((case.lookup("cold.test"), case.verdict("cold.test")),
         ("ok", "no policy"), "an expired certificate: no policy")
    same(WORLD.hello_count("d.test") - before, 0, "no other domain is asked")


def back_off_grows():
    """A host that hangs or fails again and again is asked less often, but no
    more seldom than the hourly timer runs."""
    case = cached()
    case.age(86400)
    WORLD.policy["d.test"] = (500, "")
    waits = []
    for _ in range(6):
        case.refresh()
        c = case.fields("checks")
        waits.append(int(c["failed-next"]) - int(c["checked"]))
        case.set("failed-next", int(time.time()) - 1)
    same(waits, [300, 600, 1200, 2400, 3000, 3000], "back-off of a refresh")
    ok(int(c["failures"]) == 6 and int(c["failed-since"]) > 0,
       "the first failure is on record")
    case.publish("1")
    case.refresh()
    c = case.fields("checks")
    same((c["failures"], c["failed-since"], c["failed-reason"]),
         ("0", "0", "ok"), "and forgotten with a success")


def failing_refreshes():
    """A policy whose refreshes have failed five times, now mended."""
    case = cached()
    case.age(86400)
    WORLD.policy["d.test"] = (500, "")
    for _ in range(5):
        case.set("failed-next", int(time.time()) - 1)
        case.refresh()
    case.publish("1", mx="fixed.d.test")
    return case, case.fetches()


def back_off_is_for_refreshes():
    """Mail does not wait as long as they do, but five minutes."""
    case, fetches = failing_refreshes()
    os.unlink(case.file("policies"))  # as trimming does
    case.lookup()
    same((fetches(), case.verdict()), (0, "no policy"),
         "a failure of this moment, and no policy: not fetched again")
    case.age(301)
    case.lookup()
    same((fetches(), case.verdict()), (1, "enforce"),
         "five minutes later it is, whatever refreshes have to wait")
    case, fetches = failing_refreshes()
    case.age(301)
    case.refresh()
    same(fetches(), 0, "a refresh waits longer")
    case.run("refetch", "d.test")
    same((fetches(), case.fields()["mx"]), (1, "fixed.d.test"),
         "mail for MX hosts that are not permitted does not")
    case, fetches = failing_refreshes()
    WORLD.policy["d.test"] = (500, "")
    os.unlink(case.file("policies"))
    for n in range(1, 4):
        case.age(301)
        case.lookup()
        case.lookup()
        same(fetches(), n, "one fetch in five minutes while it fails")


def pace():
    """Many domains with one policy host: two requests a second, all in the
    end."""
    case = Case(fetch_timeout=10)
    names = ["p%d.test" % i for i in range(20)]
    for name in names:
        WORLD.txt["_mta-sts." + name] = ["v=STSv1; id=1"]
        WORLD.policy[name] = policy()
    out = case.run("lookup", *names)
    same(out, "\n".join("done lookup %s ok" % n for n in names), "20 domains")
    for name in names:
        case.age(90000, name)
    began = time.time()
    out = case.refresh()
    spent = time.time() - began
    same(out.split("\n")[-1], "fetched=20 not_due=0 failed=0 removed=0",
         "all at one address are refreshed")
    ok(9.4 < spent < 30, "two a second", "%.1f s" % spent)
    ok(all(case.fields("checks", n)["failed-reason"] == "ok" for n in names),
       "and none counts as failed for having waited")


def checks_go():
    """DISK-2"""
    case = cached()
    case.lookup("nothing.test")
    case.age(7200, "nothing.test")
    ok(case.file("checks", "nothing.test"), "a negative entry has run out")
    case.refresh()
    same(case.file("checks", "nothing.test"), None, "a refresh removes it")
    ok(case.file("checks"), "the check of a policy stays")


def outcomes_go():
    case = Case()
    os.mkdir(os.path.join(case.state, "outcomes"))
    for ago in 7, 8:
        day = time.gmtime(time.time() - ago * 86400)
        name = time.strftime("outcomes/%Y-%m-%d", day)
        open(os.path.join(case.state, name), "w").close()
    case.refresh()
    same(os.listdir(os.path.join(case.state, "outcomes")),
         [time.strftime("%Y-%m-%d", time.gmtime(time.time() - 7 * 86400))],
         "a refresh removes outcomes that are older than seven days")


def dns_warning():
    case = Case()
    WORLD.txt["_mta-sts.d.test"] = None
    case.lookup()
    warned = "warning: domain=d.test event=dns-trouble reason=dns_servfail"
    ok(warned in case.log, "a domain's DNS in trouble is in the log", case.log)
    case.age(61)
    case.set("warned", int(time.time()) - 61)
    case.lookup()
    ok(warned not in case.log, "once an hour", case.log)


def one_fetch():
    case = Case()
    case.publish("1")
    fetches = case.fetches()
    procs = [subprocess.Popen(
        [TOP + "/help_resolver", case.conf, str(WORLD.https_port),
         "lookup", "d.test"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True) for _ in range(20)]
    answers = {p.communicate(timeout=300)[0] for p in procs}
    same(answers, {"done lookup d.test ok\n"}, "20 processes at once: answered")
    same(fetches(), 1, "with one fetch")

    case = Case()
    WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=1"]
    WORLD.policy["d.test"] = (500, "")
    fetches = case.fetches()
    p = subprocess.run(
        [TOP + "/help_resolver", case.conf, str(WORLD.https_port),
         "serve"], input="lookup d.test\n" * 50, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, timeout=300)
    same(p.stdout, "done lookup d.test ok\n" * 50,
         "50 requests in one process: one answer each")
    same(fetches(), 1, "with one fetch, though it failed")


def start_crowd(case, what, count):
    """So many processes; all but the first begin when its fetch has."""
    before = WORLD.hello_count("d.test")
    processes = []
    for _ in range(count):
        processes.append(subprocess.Popen(
            [TOP + "/help_resolver", case.conf, str(WORLD.https_port), what,
             "d.test"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True))
        wait_for(lambda: WORLD.hello_count("d.test") > before)
    return processes


def answers_of(processes):
    answers = {}
    for process in processes:
        answer = process.communicate(timeout=300)[0].strip()
        answers[answer] = answers.get(answer, 0) + 1
    return answers


def crowd(case, what, count):
    before = WORLD.hello_count("d.test")
    answers = answers_of(start_crowd(case, what, count))
    return answers, WORLD.hello_count("d.test") - before


def crowds():
    """A policy host slower than half of fetch-timeout, and who waits."""
    case = Case(fetch_timeout=5, dns_timeout=2)
    case.publish("1")
    WORLD.policy["d.test"] = "hang"
    same(crowd(case, "lookup", 40), ({"done lookup d.test ok": 40}, 1),
         "40 deliveries to a host that hangs: one fetch")
    same(case.fields("checks")["reason"], "fetch_timeout", "on record")

    case = cached(fetch_timeout=40, dns_timeout=2)
    WORLD.policy["d.test"] = "hang"
    holder, *others = start_crowd(case, "refetch", 11)
    began = time.time()
    same(answers_of(others), {"done refetch d.test failed not_due": 10},
         "of deliveries that want it fetched again one does it")
    ok(time.time() - began < 8, "and the others do not wait for that one")
    holder.kill()
    holder.communicate()

    case = cached(fetch_timeout=5, dns_timeout=2)
    case.age(400)
    case.publish("2")
    WORLD.policy["d.test"] = "hang"
    same((*crowd(case, "lookup", 40), case.verdict()),
         ({"done lookup d.test ok": 40}, 1, "enforce"),
         "a policy in force, a new id: one fetch, and the policy holds")


def deadlines():
    case = Case(fetch_timeout=2, dns_timeout=1)
    case.publish("1")
    WORLD.policy["d.test"] = "hang"
    began = time.time()
    same(case.lookup(), "ok", "a policy host that hangs: answered")
    spent = time.time() - began
    ok(spent < 2 + 2 * 1 + 1, "within fetch-timeout + 2 x dns-timeout")
    same(case.fields("checks")["reason"], "fetch_timeout", "and recorded")

    case = Case(fetch_timeout=4, dns_timeout=1)
    case.publish("1")
    WORLD.policy["d.test"] = "hang"
    before = WORLD.hello_count("d.test")
    holder = subprocess.Popen(
        [TOP + "/help_resolver", case.conf, str(WORLD.https_port),
         "lookup", "d.test"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    ok(wait_for(lambda: WORLD.hello_count("d.test") == before + 1),
       "somebody else has the lock")
    holder.send_signal(signal.SIGSTOP)
    began = time.time()
    same(case.lookup(), "fault resolver_timeout",
         "a lock that is never released, a host that hangs: a fault")
    ok(time.time() - began < 4 + 2 * 1 + 1, "in the same time")
    same(case.fields("checks"), None,
         "nothing against a host that was given less than its time")
    case.publish("1")
    case.configure(fetch_timeout=4, dns_timeout=2)
    same((case.lookup(), case.verdict()), ("ok", "enforce"),
         "a lock that is never released, a host that is well: its policy")
    holder.send_signal(signal.SIGKILL)
    holder.wait()


def protocol():
    case = Case()
    lines = ("lookup d.test\nlookup\n\nfoo d.test\nlookup D.test\n"
             "lookup -x\nlookup ../../x\n" + "lookup " + "a" * 5000 + "\n"
             "lookup d.test extra\nroutes d.test\nlookup e.test\n")
    WORLD.mx["d.test"] = [(20, "mx2.d.test"), (10, "MX1.d.test")]
    p = subprocess.run(
        [TOP + "/help_resolver", case.conf, str(WORLD.https_port),
         "serve"], input=lines, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, timeout=300)
    same(sorted(p.stdout.split("\n")),
         sorted(["", "done lookup d.test ok", "done lookup e.test ok",
                 "done routes d.test ok"] + ["bad"] * 8),
         "one answer a request, \"bad\" for each ill-formed line")
    same(p.returncode, 0, "exit 0 at end of input")
    routes = open(case.file("routes")).read()
    ok(routes.index("mx: mx1.d.test") < routes.index("mx: mx2.d.test"),
       "routes are in order of preference")
    WORLD.mx.clear()


def serving(case):
    return subprocess.Popen(
        [TOP + "/help_resolver", case.conf, str(WORLD.https_port), "serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)


def events():
    """A resolver that serves may write many at once, but before their answers.
    """
    case, names = Case(), ["p%d.test" % i for i in range(20)]
    days = os.path.join(case.state, "events")

    def lines():
        return sum(open(os.path.join(days, day)).read().count("\nL ")
                   for day in os.listdir(days))

    p = serving(case)
    found = []
    for name in ("d.test", "e.test"):
        p.stdin.write("lookup %s\n" % name)
        p.stdin.flush()
        p.stdout.readline()
        found.append(lines())
    same(found, [1, 2], "who has an answer finds its event in the store")
    p.stdin.write("".join("lookup %s\n" % name for name in names))
    p.stdin.close()
    p.stdout.read()
    same((p.wait(timeout=300), lines()), (0, 2 + len(names)),
         "and all when it has ended")


def rounds():
    """refresh-all in the serving mode."""
    case = cached()
    for name in ("e.test", "other.test"):
        WORLD.txt["_mta-sts." + name] = ["v=STSv1; id=1"]
        WORLD.policy[name] = policy()
        case.lookup(name)
    case.age(100000, "d.test")
    case.age(200000, "e.test")
    WORLD.policy["d.test"] = (500, "")
    before = [WORLD.fetch_count(n) for n in ("d.test", "e.test", "other.test")]
    p = serving(case)
    said = [None]
    p.stdin.write("refresh-all\nrefresh-all\nrefresh-all x\n")
    p.stdin.flush()
    while said[-1] != "done refresh-all * ok\n" and said[-1] != "":
        said.append(p.stdout.readline())
    same(sorted(said[1:]),
         ["bad\n", "done refresh d.test failed fetch_http_status\n",
          "done refresh e.test ok\n", "done refresh-all * failed too_soon\n",
          "done refresh-all * ok\n"],
         "refresh-all: an answer for each domain that was due, one in the end; "
         "no second round beside it; it has no operand")
    same([WORLD.fetch_count(n) - b for n, b in
          zip(("d.test", "e.test", "other.test"), before)], [1, 1, 0],
         "what was due is fetched, and nothing else")
    p.stdin.write("refresh-all\n")
    p.stdin.flush()
    same(p.stdout.readline(), "done refresh-all * ok\n", "another round after it")
    p.stdin.close()
    same(p.wait(timeout=300), 0, "and the resolver ends with its input")


def rounds_order():
    case = Case()
    ages = {"p3.test": 300000, "p0.test": 200000, "p2.test": 100000,
            "p1.test": 90000, "p4.test": 80000,
            # These have expired.
            "p6.test": 900000, "p5.test": 700000}
    for name, age in ages.items():
        WORLD.txt["_mta-sts." + name] = ["v=STSv1; id=1"]
        WORLD.policy[name] = policy()
        case.lookup(name)
        case.age(age, name)
    for what in ("refresh", "refresh-all"):
        WORLD.order.clear()
        if what == "refresh":
            case.refresh()
        else:
            p = serving(case)
            p.stdin.write(what + "\n")
            p.stdin.flush()
            while "refresh-all" not in p.stdout.readline():
                pass
            p.stdin.close()
            p.wait(timeout=300)
        asked = [w[len("dns _mta-sts."):] for w in WORLD.order
                 if w.startswith("dns _mta-sts.p")]
        same(asked, [n for n in ages if n != "p4.test"],
             what + ": what expires first comes first, what has last")
        for name in asked:
            case.age(ages[name], name)


def rounds_go_on():
    """One directory of the store is at fault; the others are refreshed."""
    case = cached()
    WORLD.txt["_mta-sts.e.test"] = ["v=STSv1; id=1"]
    WORLD.policy["e.test"] = policy()
    case.lookup("e.test")
    case.age(200000, "d.test")
    case.age(100000, "e.test")
    place = os.path.dirname(case.file("policies", "d.test"))
    for mode, what in ((0o777, "may be written by others"),
                       (0, "cannot be opened")):
        os.chmod(place, mode)
        before = WORLD.fetch_count("e.test")
        case.refresh()
        os.chmod(place, 0o750)
        same(WORLD.fetch_count("e.test") - before, 1,
             "a directory that " + what + " ends no round")
        ok(" removed=0 result=state_" in case.log, "and is logged", case.log)
        case.age(100000, "e.test")


def rounds_end():
    """End of input while a round is under way."""
    case = cached(fetch_timeout=4, dns_timeout=1)
    names = ["p%d.test" % i for i in range(20)]
    for name in names:
        WORLD.txt["_mta-sts." + name] = ["v=STSv1; id=1"]
        WORLD.policy[name] = policy()
        case.lookup(name)
        case.age(100000, name)
        WORLD.policy[name] = "hang"
    before = sum(WORLD.fetch_count(n) for n in names)
    p = serving(case)
    p.stdin.write("refresh-all\n")
    p.stdin.flush()
    ok(wait_for(lambda: sum(WORLD.fetch_count(n) for n in names) >= before + 4),
       "four policy hosts hang")
    began = time.time()
    case.run("lookup", "new.test")
    p.stdin.write("lookup d.test\n")
    p.stdin.flush()
    same(p.stdout.readline(), "done lookup d.test ok\n",
         "mail is answered meanwhile")
    ok(time.time() - began < 3, "and waits for none of them")
    p.stdin.close()
    said = p.stdout.read()
    ok(4 <= said.count("done refresh p") <= 16,
       "at the end of input no further domain is begun", said)
    ok(said.endswith("done refresh-all * ok\n"), "and the round is answered")
    same(p.wait(timeout=300), 0, "and the resolver ends")
    same(sum(WORLD.fetch_count(n) for n in names) - before,
         said.count("done refresh p"), "one fetch for each that was begun")


def main():
    vectors()
    beyond_vectors()
    local_faults()
    clock_heals()
    clock_ahead()
    one_fetch()
    crowds()
    deadlines()
    back_off_grows()
    back_off_is_for_refreshes()
    checks_go()
    outcomes_go()
    pace()
    dns_warning()
    protocol()
    events()
    rounds()
    rounds_order()
    rounds_go_on()
    rounds_end()


if __name__ == "__main__":
    with unprivileged("tests/help_resolver", "tests/help_age") as TOP:
        WORLD = World(TOP, ["d.test", "sub.d.test", "e.test", "other.test",
                            "cold.test"] +
                      ["p%d.test" % i for i in range(20)])
        main()
    sys.exit(tap.done())
