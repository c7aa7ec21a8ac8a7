# SPDX-License-Identifier: ISC
"""Code injected into the fetcher, behind its sandbox, tries the store,
sockets, children and other programs; see hook_fetcher.c."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from fakeworld import World, policy
from inject_certs import Authority
from inject_scratch import unprivileged
from inject_tap import Tap

tap = Tap()
DENIED = ("EPERM", "EACCES", "EAGAIN")
LANDLOCK = {
    "read-store": "the store cannot be read",
    "read-passwd": "nor any other file",
    "read-environ": "nor /proc",
    "list-root": "no directory can be listed",
}
LANDLOCK_NET = {"connect-other": "no connection to another port"}
SECCOMP = {
    "write-store": "the store cannot be written",
    "remove-store": "nor removed",
    "create": "no file can be made",
    "mkdir": "no directory",
    "symlink": "no link",
    "memfd": "no file without a name",
    "fastopen-other": "no connection to another port by TCP fast open",
    "bind": "no port can be taken",
    "listen": "nothing can listen",
    "udp": "no datagrams: no DNS",
    "udp6": "nor over IPv6",
    "unix": "no socket of this machine",
    "netlink": "no netlink",
    "mptcp": "no TCP of another kind",
    "fork": "no child",
    "clone": "no child by the system call",
    "thread": "no thread",
    "exec": "no other program",
    "kill": "no signal to the resolver",
    "ptrace": "no tracing of it",
    "limit-other": "no limits for it",
    "unshare": "no namespaces",
    "setuid": "no other user",
}


def landlock_net():
    """True where the kernel's Landlock knows of ports (Linux 6.7)."""
    return tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2]
                 if n.isdigit()) >= (6, 7)


def injected():
    """What the hook said: {what: "ok" or the name of an error}."""
    store = os.path.join(TOP, "policies")
    with open(store, "w") as f:
        f.write("precious\n")
    with socket.create_server(("127.0.0.1", 0)) as own, \
            socket.create_server(("127.0.0.1", 0)) as other:
        port = str(own.getsockname()[1])
        root = Authority(TOP, "injected").cert
        process = subprocess.Popen(
            [TOP + "/mta-sts-fetcher", "--port", port, "--ca-file", root],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"LD_PRELOAD": TOP + "/hook_fetcher.so", "HOOK_PORT": port,
                 "HOOK_STORE": store, "HOOK_TMP": TOP, "HOOK_ROOT": root,
                 "HOOK_OTHER": str(other.getsockname()[1])})
        out, _ = process.communicate(
            f"1 policy mta-sts.d.test {port} 1000 127.0.0.1\n", timeout=30)
    lines = [line.split(None, 2) for line in out.splitlines()]
    tap.ok(os.path.exists(store), "the store is as it was")
    return {line[1]: line[2] for line in lines if line[0] == "hook"}


def replaced_roots():
    """The file of trust roots is another one, of the same name: the sandbox
    lets the old one through."""
    world = World(TOP, ["d0.test", "d1.test", "d2.test"])
    roots = os.path.join(TOP, "roots.pem")
    shutil.copy(world.ca_file, roots)
    conf = os.path.join(TOP, "conf")
    world.configure(conf, state_dir=tempfile.mkdtemp(dir=TOP), ca_file=roots)
    resolver = subprocess.Popen(
        [TOP + "/help_resolver", conf, str(world.https_port), "serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, bufsize=1)
    for n in range(3):
        world.txt[f"_mta-sts.d{n}.test"] = ["v=STSv1; id=1"]
        world.policy[f"d{n}.test"] = policy()
        resolver.stdin.write(f"lookup d{n}.test\n")
        tap.equal((resolver.stdout.readline(), world.fetch_count(f"d{n}.test")),
                  (f"done lookup d{n}.test ok\n", 1),
                  f"trust roots replaced {n} times: a policy is fetched")
        shutil.copy(world.ca_file, roots + ".new")
        os.rename(roots + ".new", roots)
    os.unlink(roots)
    resolver.stdin.write("lookup d0.test\nrefresh d0.test\n")
    world.txt["_mta-sts.d3.test"] = ["v=STSv1; id=1"]
    resolver.stdin.write("lookup d3.test\n")
    resolver.stdin.close()
    said = resolver.stdout.read()
    tap.ok("done lookup d3.test fault ca_unusable\n" in said,
           "removed: a fault", said)
    resolver.wait(20)
    resolver.stderr.close()


def main():
    said = subprocess.run([TOP + "/mta-sts-fetcher", "--check"],
                          stdout=subprocess.PIPE, text=True).stdout
    tap.ok(said.startswith("fetcher 1 ok "), "--check says what it has", said)
    sandbox = said.split()[3].split(",")
    results = injected()
    tap.equal(results.get("end"), "ok", "the injected code ran to its end")
    tap.equal(results.get("read-root"), "ok", "trust roots can be read")
    tap.equal(results.get("connect-own"), "ok", "its own port can be had")
    for name, table, here in (
            ("landlock", LANDLOCK, "landlock" in sandbox),
            ("landlock", LANDLOCK_NET,
             "landlock" in sandbox and landlock_net()),
            ("seccomp", SECCOMP, "seccomp" in sandbox)):
        for what, sentence in table.items():
            if here:
                tap.ok(results.get(what) in DENIED, sentence,
                       results.get(what))
            else:
                tap.skip(sentence, f"this kernel has no {name} for it")
    replaced_roots()


if __name__ == "__main__":
    with unprivileged("tests/hook_fetcher.so", "tests/help_resolver") as TOP:
        main()
    sys.exit(tap.done())
