# SPDX-License-Identifier: ISC
"""mta-sts report send, killed with SIGKILL at random moments and run again: each
outcome is in the report of its day, no report is sent twice, and what was being
sent is never repeated.  STS_REPORT_KILLS is the number of kills."""
import collections
import email
import glob
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import inject_schema
from fakeworld import World
from inject_scratch import unprivileged
from inject_tap import Tap
from report_send import DAY, NOON, Collector, script

tap = Tap()
same, ok = tap.equal, tap.ok
KILLS = int(os.environ.get("STS_REPORT_KILLS", "10"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
SESSIONS = 30000
MAIL = ["m%d.test" % i for i in range(4)]
HTTPS = ["h%d.test" % i for i in range(4)]


def outcome(number, domain, when):
    return ("\n1 %d %s no-policy-found 0 %s mx%d.%s 192.0.2.1 192.0.2.2 - - - "
            ".\n" % (when, domain, "starttls-not-supported" if number % 3 else
                     "success", number % 50, domain))


def make_template():
    """A state directory with the records and a day of sessions."""
    state = os.path.join(TOP, "template")
    os.mkdir(state, 0o750)
    configure(state)
    for domain in MAIL:
        WORLD.txt["_smtp._tls." + domain] = [
            "v=TLSRPTv1; rua=mailto:tls@" + domain]
    for domain in HTTPS:
        WORLD.txt["_smtp._tls." + domain] = [
            "v=TLSRPTv1; rua=https://collector.test/200?" + domain]
    subprocess.run([TOP + "/help_resolver", CONF, "443", "lookup",
                    *MAIL, *HTTPS], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    counts = collections.Counter()
    os.mkdir(os.path.join(state, "outcomes"))
    with open(os.path.join(state, "outcomes", str(DAY)), "w") as f:
        for number in range(SESSIONS):
            domain = random.choice(MAIL + HTTPS)
            counts[domain] += 1
            f.write(outcome(number, domain, NOON))
    return state, counts


def configure(state):
    WORLD.configure(
        CONF, state_dir=state, organization="Example", log_level="error",
        resolver=RESOLVER, contact="tls@sender.test", report_sendmail=SENDMAIL)


def read_states(state):
    """{domain: (id, state, sessions)} of the day; the report itself."""
    found = {}
    for path in glob.glob(os.path.join(state, "reports", str(DAY), "*")):
        with open(path, "rb") as f:
            text = f.read()
        head, rest = re.match(rb"(.*?)packed: \d+\n(.*)", text, re.S).groups()
        report = json.loads(gzip.decompress(rest[:-16]))
        fields = dict(line.split(": ", 1)
                      for line in head.decode().splitlines() if ": " in line)
        sums = [p["summary"] for p in report["policies"]]
        found[fields["domain"]] = (
            fields["id"], fields["state"],
            sum(s["total-successful-session-count"] +
                s["total-failure-session-count"] for s in sums))
        if report["report-id"] != fields["id"]:
            ok(False, "a report has the id of its state")
        for fault in inject_schema.faults(report):
            ok(False, "a report fits the schema: " + fault)
    return found


def phase(state):
    """Where a kill has hit."""
    folder = os.path.join(state, "reports", str(DAY))
    if not os.path.exists(os.path.join(folder, ".planned")):
        return "adding up"
    states = {s for _, s, _ in read_states(state).values()}
    return "sending" if "sending" in states else \
        "between two" if "pending" in states else "the end"


def begin():
    return subprocess.Popen(
        [TOP + "/mta-sts", "-f", CONF, "report", "send", "--now"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_to_end():
    started = time.monotonic()
    begin().wait(timeout=60)
    return time.monotonic() - started


def kill_once(state, seconds):
    """False: it had ended before."""
    process = begin()
    time.sleep(random.uniform(0, seconds))
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGKILL)
    process.wait()
    PHASES[phase(state)] += 1
    return True


def round_of_kills(template, counts, seconds, left):
    """Some kills of one day's reports, then an undisturbed run."""
    state = os.path.join(TOP, "state%d" % len(ROUNDS))
    shutil.copytree(template, state)
    configure(state)
    kills, unsure_most = 0, 0
    while kills < min(left, 5):
        if not kill_once(state, seconds):
            break
        kills += 1
        unsure_most += 1
    run_to_end()
    states = read_states(state)
    wrong = []
    for domain, count in counts.items():
        _, what, sessions = states.get(domain, ("", "none", 0))
        if sessions != count or what not in ("sent", "unsure"):
            wrong.append((domain, what, sessions, count))
    unsure = sum(what == "unsure" for _, what, _ in states.values())
    if unsure > unsure_most:
        wrong.append(("unsure", unsure, unsure_most))
    with open(os.path.join(state, "outcomes", str(DAY)), "rb") as a, \
            open(os.path.join(template, "outcomes", str(DAY)), "rb") as b:
        if a.read() != b.read():
            wrong.append("the outcomes have changed")
    ROUNDS.append({i: (domain, what)
                   for domain, (i, what, _) in states.items()})
    shutil.rmtree(state)
    return kills, wrong


def received():
    """How often each report has arrived, by its id; and what is no report."""
    ids, broken = collections.Counter(), []
    for path in glob.glob(os.path.join(TOP, "mails", "*.mail")):
        with open(path, "rb") as f:
            mail = email.message_from_bytes(f.read())
        try:
            part = mail.get_payload()[1].get_payload(decode=True)
            ids[json.loads(gzip.decompress(part))["report-id"]] += 1
        except (IndexError, OSError, EOFError, AttributeError, TypeError):
            broken.append(path)
    for _path, _headers, body in COLLECTOR.posts:
        try:
            ids[json.loads(gzip.decompress(body))["report-id"]] += 1
        except (OSError, EOFError):
            broken.append("a post")
    return ids, broken


def main():
    tap.diag("SEED=%d" % SEED)
    random.seed(SEED)
    template, counts = make_template()
    state = os.path.join(TOP, "first")
    shutil.copytree(template, state)
    configure(state)
    seconds = run_to_end()
    same({s for _, s, _ in read_states(state).values()}, {"sent"},
         "a run that is not disturbed sends all reports")
    ROUNDS.append({i: (d, s) for d, (i, s, _) in read_states(state).items()})
    kills, wrong = 0, []
    while kills < KILLS:
        more, faults = round_of_kills(template, counts, seconds * 1.1,
                                      KILLS - kills)
        kills += more
        wrong += faults
    same(wrong, [], "after %d kills in %d days each outcome is in a report, "
         "and each report is sent or in doubt" % (kills, len(ROUNDS) - 1))
    time.sleep(1)  # for what outlived its sender
    ids, broken = received()
    known = {i: what for entry in ROUNDS for i, what in entry.items()}
    same(broken, [], "no half of a report is sent")
    same([known.get(i) for i, count in ids.items() if count > 1], [],
         "none is sent twice")
    same([i for i in ids if i not in known], [], "each is that of its day")
    same([what for i, what in known.items()
          if what[1] == "sent" and ids[i] != 1], [],
         "what was sent has arrived")
    doubt = [i for i, what in known.items() if what[1] == "unsure"]
    tap.diag("killed while %s; of %d reports %d are in doubt, of which %d have "
             "arrived" % (", ".join("%s: %d" % p for p in
                                    sorted(PHASES.items())),
                          len(known), len(doubt),
                          sum(ids[i] > 0 for i in doubt)))
    return tap.done()


if __name__ == "__main__":
    with unprivileged("mta-sts", "tests/help_resolver") as TOP:
        PHASES, ROUNDS = collections.Counter(), []
        WORLD = World(TOP, ["d.test"])
        COLLECTOR = Collector(WORLD.authority)
        CONF = os.path.join(TOP, "conf")
        os.mkdir(os.path.join(TOP, "mails"))
        RESOLVER = script(
            os.path.join(TOP, "resolver"),
            'exec %s/help_resolver "$2" %d post "$4" "$5"'
            % (TOP, COLLECTOR.port))
        SENDMAIL = script(
            os.path.join(TOP, "sendmail"),
            "t=$(mktemp %s/mails/XXXXXX) && cat >$t && mv $t $t.mail" % TOP)
        code = main()
    sys.exit(code)
