# SPDX-License-Identifier: ISC
"""The filter and the table with the real resolver between them: a DNS server
and policy hosts on loopback, smtpd's side of both protocols spoken here."""
import os
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from fakeworld import World, policy
from inject_scratch import unprivileged
from inject_tap import Tap

tap = Tap()
same = tap.equal


class Peer:
    """A program as smtpd starts it: one socket for input and output."""

    def __init__(self, program, *args):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen([TOP + "/" + program, *args],
                                        stdin=theirs, stdout=theirs,
                                        stderr=subprocess.DEVNULL)
        theirs.close()
        ours.settimeout(20)
        self.socket = ours
        self.lines = ours.makefile("r", newline="\n")

    def ask(self, *lines):
        self.say(*lines)
        return self.line()

    def say(self, *lines):
        self.socket.sendall("".join(x + "\n" for x in lines).encode())

    def line(self):
        try:
            return self.lines.readline().rstrip("\n")
        except OSError:
            return "(nothing)"

    def ready(self):
        self.say("config|subsystem|smtp-in", "config|ready")
        while self.line() not in ("register|ready", "", "(nothing)"):
            pass

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self.process.wait(10)


def rcpt(peer, token, domain):
    return peer.ask("filter|0.7|1.1|smtp-in|rcpt-to|1|%x|u@%s" % (
        token, domain))


def check(peer, domain):
    return peer.ask("table|0.1|1.1|mta-sts|check|domain|0a|" + domain)


def relayhost(peer, domain):
    return peer.ask("table|0.1|1.1|mta-sts|lookup|relayhost|0b|" + domain)


def publish(domain, hosts, **kw):
    WORLD.txt["_mta-sts." + domain] = ["v=STSv1; id=1"]
    WORLD.policy[domain] = policy(**kw)
    WORLD.mx[domain] = hosts


def set_up():
    """A configuration, and a resolver with policy hosts on a high port."""
    state = os.path.join(TOP, "state")
    conf = os.path.join(TOP, "conf")
    wrapper = os.path.join(TOP, "resolver")
    os.mkdir(state, 0o750)
    with open(wrapper, "w") as f:
        f.write("#!/bin/sh\nfor domain; do :; done\n"
                "run='%s/help_resolver %s %d'\n"
                "case $* in *--once*) printf 'lookup %%s\\nroutes %%s\\n' "
                "$domain $domain | $run serve ;;\n*) exec $run serve ;; esac\n"
                % (TOP, conf, WORLD.https_port))
    os.chmod(wrapper, 0o755)
    WORLD.configure(conf, state_dir=state, resolver=wrapper,
                    prefetch="kept.test")
    return conf


def main():
    publish("d.test", [(20, "mx2.d.test"), (10, "mx1.d.test"),
                       (5, "evil.example")], mx="*.d.test")
    publish("soft.test", [(10, "mx.soft.test")], mode="testing",
            mx="mx.soft.test")
    publish("kept.test", [(10, "mx.kept.test")], mx="mx.kept.test")
    publish("cold.test", [(10, "mx.cold.test")], mx="mx.cold.test")
    conf = set_up()
    table = Peer("table-mta-sts", conf)
    table.ready()
    filter_ = Peer("filter-mta-sts", "-f", conf)
    filter_.ready()
    filter_.say("report|0.7|1.1|smtp-in|link-connect|1|n|pass|local|local")
    same(rcpt(filter_, 1, "d.test"), "filter-result|1|1|proceed",
         "a cold RCPT is held until the policy is known")
    same(check(table, "d.test"), "check-result|0a|found",
         "then the table has it")
    same(relayhost(table, "d.test"),
         "lookup-result|0b|found|smtp+tls://mx1.d.test",
         "and the first MX host that the policy permits")
    same(rcpt(filter_, 2, "soft.test"), "filter-result|1|2|proceed",
         "a testing policy")
    same(check(table, "soft.test"), "check-result|0a|not-found",
         "goes the plain way")
    same(rcpt(filter_, 3, "absent.test"), "filter-result|1|3|proceed",
         "a domain without a policy")
    same(check(table, "absent.test"), "check-result|0a|not-found",
         "goes the plain way")
    same(WORLD.dns_count("_mta-sts.d.test"), 1, "one query a domain")
    same(rcpt(filter_, 4, "d.test"), "filter-result|1|4|proceed",
         "a second recipient")
    same(WORLD.dns_count("_mta-sts.d.test"), 1, "makes none")
    for _ in range(50):
        if relayhost(table, "kept.test").startswith("lookup-result|0b|found"):
            break
        time.sleep(0.1)
    same(relayhost(table, "kept.test"),
         "lookup-result|0b|found|smtp+tls://mx.kept.test",
         "a prefetch domain is known, its hosts too, unasked")
    same(check(table, "cold.test"), "check-result|0a|found",
         "the target of an alias, never seen: the table has it looked up")
    WORLD.mx["d.test"] = [(1, "mail.attacker.example")]
    same(relayhost(table, "d.test"),
         "lookup-result|0b|found|smtp+tls://mx1.d.test",
         "an MX record spoofed later changes nothing")
    same(filter_.end(), 0, "the filter ends with its input")
    same(table.end(), 0, "the table ends with its input")


if __name__ == "__main__":
    with unprivileged("tests/help_resolver", "filter-mta-sts",
                      "table-mta-sts") as TOP:
        WORLD = World(TOP, ["d.test", "soft.test", "kept.test", "cold.test"])
        main()
        time.sleep(0.5)  # the kept resolver's last writes
    sys.exit(tap.done())
