# SPDX-License-Identifier: ISC
"""mta-sts report send and stop, started by root: they and sendmail run as the
owner of the state directory; any other user may not."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from fakeworld import World
from inject_scratch import NOBODY
from inject_tap import BUILD, Tap
from report_send import DAY, NOON, script

tap = Tap()
same, ok = tap.equal, tap.ok


def become(uid):
    def drop():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    return drop


def run(*arguments, uid=0):
    done = subprocess.run(
        [TOP + "/mta-sts", "-f", CONF, *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=60,
        preexec_fn=become(uid) if uid else None)
    return done.stdout.splitlines(), done.returncode, done.stderr


def prepare():
    state = os.path.join(TOP, "state")
    os.mkdir(state, 0o750)
    os.mkdir(os.path.join(TOP, "mails"))
    for path in (state, os.path.join(TOP, "mails")):
        os.chown(path, NOBODY, NOBODY)
    world = World(TOP, ["d.test"])
    world.txt["_smtp._tls.a.test"] = ["v=TLSRPTv1; rua=mailto:tls@a.test"]
    world.txt["_smtp._tls.b.test"] = ["v=TLSRPTv1; rua=mailto:tls@b.test"]
    world.configure(
        CONF, state_dir=state, organization="Example",
        contact="tls@sender.test", report_sendmail=script(
            os.path.join(TOP, "sendmail"),
            "{ id -u; id -G; grep NoNewPrivs: /proc/self/status; cat; } "
            ">%s/mails/$$" % TOP))
    subprocess.run([TOP + "/help_resolver", CONF, "443", "lookup", "a.test",
                    "b.test"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, preexec_fn=become(NOBODY))
    folder = os.path.join(state, "outcomes")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, str(DAY)), "w") as f:
        for domain in ("a.test", "b.test"):
            f.write("\n1 %d %s no-policy-found 0 success mx.d.test 192.0.2.1 "
                    "192.0.2.2 - - - .\n" % (NOON, domain))
    for path in (folder, os.path.join(folder, str(DAY))):
        os.chown(path, NOBODY, NOBODY)
    return state


def stop():
    same(run("report", "stop", "tls@b.test")[1], 0, "a mailbox that bounced")
    lines, code, _ = run("report", "stop", "mailto:tls@B.test")
    same(code, 0, "twice, in another form, is no fault")
    for wrong in ("b.test", "ftp://b.test/", "mailto:", "-x@b.test",
                  "https://"):
        same(run("report", "stop", "--", wrong)[1], 2,
             "no destination: " + wrong)


def main():
    state = prepare()
    stop()
    _, code, log = run("report", "send", "--now", uid=NOBODY - 1)
    same(code, 3, "another user: refused")
    ok("run this as root or as " in log, "which names who may", log)
    lines, code, log = run("report", "send", "--now")
    same((sorted(lines)[:2], code),
         (["%s a.test mailto:tls@a.test sent" % DAY,
           "%s b.test mailto:tls@b.test refused: refused-before" % DAY], 1),
         "root sends; not where it bounced")
    mails = os.listdir(os.path.join(TOP, "mails"))
    same(len(mails), 1, "one mail")
    with open(os.path.join(TOP, "mails", mails[0])) as f:
        uid, groups, privileges, first = [f.readline().strip()
                                          for _ in range(4)]
    same((uid, groups), (str(NOBODY), str(NOBODY)),
         "sendmail runs as the owner of the state directory, of no other group")
    same(privileges.split(), ["NoNewPrivs:", "0"],
         "its set-user-id bit would count")
    same(first, "From: <tls@sender.test>", "and has the mail")
    owners = {os.stat(os.path.join(where, name)).st_uid
              for where, folders, files in os.walk(
                  os.path.join(state, "reports"))
              for name in folders + files}
    same(owners, {NOBODY}, "all that is written is the owner's")
    return tap.done()


if __name__ == "__main__":
    TOP = tempfile.mkdtemp(prefix="mta-sts-test.")
    CONF = os.path.join(TOP, "conf")
    try:
        os.chmod(TOP, 0o755)
        for program in ("mta-sts", "tests/help_resolver"):
            shutil.copy(os.path.join(BUILD, program), TOP)
        os.umask(0o022)
        code = main()
    finally:
        shutil.rmtree(TOP, ignore_errors=True)
    sys.exit(code)
