# SPDX-License-Identifier: ISC
"""mta-sts-resolver and name servers that do not work: --check-nameservers, and
a lookup, of which nothing is recorded; TXT records of any name: --txt."""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from inject_dns import Server, txt
from inject_scratch import unprivileged
from inject_tap import Tap

tap = Tap()
same = tap.equal


def run(servers, *arguments, **settings):
    """Output, exit status, and the files in a store of its own."""
    conf, state = TOP + "/conf", tempfile.mkdtemp(dir=TOP)
    with open(conf, "w") as file:
        file.write("state-dir %s\ndns-timeout 1\n" % state)
        file.writelines("nameserver %s\n" % server for server in servers)
        file.writelines("%s %s\n" % pair for pair in settings.items())
    done = subprocess.run(
        [TOP + "/mta-sts-resolver", "-e", "-f", conf, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    policies = [name for folder, _, names in os.walk(state) for name in names
                if folder.split("/")[-2] in ("policies", "checks")]
    return done.stdout, done.returncode, policies


def check(*servers):
    """What is said of these servers, without the word before it."""
    out, code, _ = run(servers, "--check-nameservers")
    same(code, 0, "each of them is asked")
    return [line.partition(" ")[2] for line in out.splitlines()]


def main():
    with Server({}) as good, Server({}, "127.0.0.2") as silent, \
            Server({"": "refused", "root-servers.net": "refused"},
                   "127.0.0.3") as refusing, \
            Server({"": "lame", "root-servers.net": "servfail"},
                   "127.0.0.4") as lame, \
            Server({"": "refused"}, "127.0.0.5") as rootless, \
            Server({"": "silence"}, "127.0.0.6") as dropping:
        silent.deaf = True
        same(check(good.address), [good.address + " answered"], "answered")
        same(check("127.0.0.99:53", "fe80::1%nosuchif", "fe80::1",
                   silent.address, refusing.address, good.address),
             ["127.0.0.99:53 refused", "fe80::1%nosuchif no_interface",
              "fe80::1 unreachable 22", silent.address + " silent",
              refusing.address + " failed 5", good.address + " answered"],
             "each by itself, in order")
        said = check(lame.address, rootless.address, dropping.address)
        # The answer that comes first: without a code, or SERVFAIL.
        if said[0] == lame.address + " failed 2":
            said[0] = lame.address + " failed"
        same(said, [lame.address + " failed", rootless.address + " answered",
                    dropping.address + " answered"],
             "one answer is enough, if it is of use")
        same(run([good.address], "--check-nameservers", "d.test")[1], 2,
             "with a domain: wrong usage")
        same(good.asked("d.test"), [], "nothing is looked up")

        for servers, what in ((["127.0.0.99"], "refused"),
                              (["fe80::1%nosuchif"], "no such interface"),
                              ([silent.address], "silent about everything")):
            same(run(servers, "--once", "d.test"),
                 ("done lookup d.test fault no_nameserver\n", 3, []),
                 what + ": a fault, and nothing is recorded")
        for behaviour in ("refused", "servfail", "notimp", "lame"):
            for name in ("_mta-sts.d.test", "", "root-servers.net"):
                refusing.zone[name] = behaviour
            same(run([refusing.address], "--once", "d.test"),
                 ("done lookup d.test fault no_nameserver\n", 3, []),
                 behaviour + " for every name: a fault, and nothing is recorded")
        rootless.zone["_mta-sts.d.test"] = "refused"
        out, code, stored = run([rootless.address], "--once", "d.test")
        same((out, code, len(stored)), ("done lookup d.test ok\n", 0, 1),
             "refused for one domain: recorded against it")
        good.zone["_mta-sts.quiet.test"] = "silence"
        out, code, stored = run([good.address], "--once", "quiet.test")
        same((out, code, len(stored)),
             ("done lookup quiet.test ok\n", 0, 1),
             "silent about one domain: recorded against it")
        good.zone["_mta-sts.d.test"] = [txt("v=STSv1; id=1")]
        good.zone["mta-sts.d.test"] = "silence"
        out, code, stored = run([good.address, silent.address],
                                "--once", "d.test")
        same((out, code), ("done lookup d.test ok\n", 0),
             "silent about the policy host alone: a failed fetch")

        good.zone["k._domainkey.d.test"] = [
            txt("v=DKIM1; s=email; ", "p=a\nb"), txt("other")]
        out, code, stored = run([good.address], "--txt", "k._domainkey.d.test")
        same((sorted(out.splitlines()), code, stored),
             (["done txt ok", "txt other", "txt v=DKIM1; s=email; p=a?b"], 0,
              []), "--txt: a line for each record, and nothing is stored")
        same(run([good.address], "--txt", "none.d.test")[:2],
             ("done txt dns_nxdomain\n", 1), "--txt: no such name")
        same(run(["127.0.0.99"], "--txt", "k._domainkey.d.test")[:2],
             ("done txt no_nameserver\n", 3), "--txt: no name server")
        same(run([good.address], "--txt", "a.test", "--once", "d.test")[1], 2,
             "--txt beside another task: wrong usage")


if __name__ == "__main__":
    with unprivileged("mta-sts-resolver") as TOP:
        main()
    sys.exit(tap.done())
