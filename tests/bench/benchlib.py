# SPDX-License-Identifier: ISC
"""What the programs of tests/bench share: turns, costs, rows.

A row compares what is ours with a reference, turn by turn: the same two things
one after the other, BENCH_ROUNDS times.  The ratio is the median of the turns'
ratios, so what makes the whole machine slow for a while makes both slow.

    BENCH_ROUNDS  turns, 3 where it is not set
    BENCH_SHORT   not empty: few items, one turn, no verdict
    B             the build, and B/bench.json has the rows
"""
import contextlib
import json
import operator
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("B", "build"))
JSON = os.environ.get("BENCH_JSON", os.path.join(BUILD, "bench.json"))
SHORT = bool(os.environ.get("BENCH_SHORT"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 1 if SHORT else 3))
HERE = os.path.dirname(os.path.abspath(__file__))
CORES = sorted(os.sched_getaffinity(0))
NOBODY = 65534

COMPARE = {"<=": operator.le, ">=": operator.ge}


def few(full, short):
    """A size: the second one in the short form."""
    return short if SHORT else full


# Cores: what is measured has one to itself, all that serves and drives it the
# other; else the scheduler decides how much each finds at a wake-up.

def to_drive():
    """This process and its children, but those of measured()."""
    if len(CORES) > 1:
        os.sched_setaffinity(0, CORES[1:])


def measured():
    """For preexec_fn: the core of what is measured."""
    os.sched_setaffinity(0, CORES[:1])


def unprivileged():
    """For preexec_fn: measured, as a user of no rights."""
    measured()
    drop()


def drop():
    """For preexec_fn: a user of no rights, on any core."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


# Costs

def children_us():
    """CPU of the children that were waited for, microseconds."""
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (use.ru_utime + use.ru_stime) * 1e6


def cpu_us(pid):
    """CPU of a running process, all its threads, microseconds."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        except OSError:
            continue
    return total / 1e3


def own_us():
    return time.process_time() * 1e6


def memory_mib(pid, field):
    """VmRSS, what is resident now, or VmHWM, its peak."""
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def run(*words, **more):
    """Runs a program on the measured core; its standard output."""
    more.setdefault("preexec_fn", measured)
    return subprocess.run([str(w) for w in words], check=True, text=True,
                          stdout=subprocess.PIPE, **more).stdout


def instructions(*words, **more):
    """Instructions of a program and its children under callgrind, or None
    where it is not installed."""
    if shutil.which("valgrind") is None:
        return None
    said = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         *(str(w) for w in words)], check=True, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more).stderr
    return sum(int(line.split(":")[1].replace(",", ""))
               for line in said.splitlines() if "Collected :" in line)


# Places

def spread(top):
    """Lets ext4 put each directory of `top` into a group of inodes of its own,
    as it does with those of its root.  For a new file it passes by each inode of
    the group that was freed in the last minutes, so beside a place where much
    was removed, as by the turn before, a file costs up to twenty times as much.
    Where that cannot be said, as on other file systems, nothing changes.
    cheapest() avoids the groups in which others removed much."""
    if shutil.which("chattr"):
        subprocess.run(["chattr", "+T", top], stderr=subprocess.DEVNULL,
                       check=False)


@contextlib.contextmanager
def place(*programs, where=None):
    """A directory with copies of these programs of the build, which users of no
    rights may reach; `where`: in another file system, such as /dev/shm."""
    top = tempfile.mkdtemp(prefix="mta-sts-bench.", dir=where)
    os.chmod(top, 0o755)
    spread(top)
    try:
        for program in programs:
            shutil.copy(os.path.join(BUILD, program), top)
        yield top
    finally:
        shutil.rmtree(top, ignore_errors=True)


def memory():
    """A file system in memory, or None."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None


def cheapest(top):
    """Of four new directories of `top` the one in which a file costs least."""
    def cost(directory):
        before = own_us()
        for n in range(64):
            open(f"{directory}/.tried{n}", "w").close()
        return own_us() - before

    return min([tempfile.mkdtemp(prefix="state.", dir=top) for _ in range(4)],
               key=cost)


def make_state(top, used=False):
    """A state directory of the user whom unprivileged() becomes, empty; `used`:
    with all its directories, as one that has been in use."""
    state = cheapest(top)
    made = [state] + [f"{state}/{kind}" for kind in ("policies", "checks")
                      if used]
    made += [f"{kind}/{bucket:02x}" for kind in made[1:]
             for bucket in range(256)]
    for directory in made:
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o750)
        if os.getuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
    return state


def make_store(top, domains, every):
    """A state directory with nN.example, as fill.c has it, on all cores."""
    state, step = make_state(top), -(-domains // len(CORES))
    run(BUILD + "/bench/fill", state, 0, 1, every, preexec_fn=unprivileged)
    fills = [subprocess.Popen([BUILD + "/bench/fill", state, str(first),
                               str(min(first + step, domains)), str(every)],
                              preexec_fn=drop)
             for first in range(0, domains, step)]
    if any([fill.wait() for fill in fills]):
        sys.exit("the store could not be made")
    return state


def configure(top, state, **settings):
    """A configuration; a_b="c" is a line "a-b c", a list is several."""
    path = tempfile.mkstemp(prefix="conf.", dir=top)[1]
    with open(path, "w") as f:
        for key, value in {"state-dir": state, **settings}.items():
            for one in value if isinstance(value, list) else [value]:
                f.write(f"{key.replace('_', '-')} {one}\n")
    os.chmod(path, 0o644)
    return path


# Turns

def turns(*measures):
    """Calls all of them, ROUNDS times in turn; a list of ROUNDS results for
    each."""
    return list(zip(*[[measure() for measure in measures]
                      for _ in range(ROUNDS)]))


median = statistics.median


def paired(ours, reference):
    """The median ratio; one value stands for all of its side."""
    many = max(len(ours), len(reference))
    ours, reference = (x * many if len(x) == 1 else x
                       for x in (ours, reference))
    return statistics.median(a / b for a, b in zip(ours, reference))


# Rows

def listed(value):
    if value is None:
        return None
    return list(value) if isinstance(value, (list, tuple)) else [value]


def verdict_of(goal, value):
    if goal is None:
        return ""
    if value is None:
        return "not measured"
    if SHORT:
        return "not judged"
    sign, number = goal.split()[-2:]
    return "reached" if COMPARE[sign](value, float(number)) else "not reached"


def row(number, work, ours, reference, unit, goal=None, against="bare",
        sizes=None, note=None):
    """Prints a row and keeps it.

    number     of the table of docs/performance.md, "2"
    ours, reference   lists of one value for each turn, or one value; None: it
               could not be measured, and `note` says why
    goal       "<= 2" or ">= 0.5" of the ratio, or "ours <= 3" of what is ours
    against    what the reference is
    sizes      a list of [size, ours, reference], for plots
    """
    ours, reference = listed(ours), listed(reference)
    a = None if ours is None else statistics.median(ours)
    b = None if reference is None else statistics.median(reference)
    ratio = None if a is None or b is None else paired(ours, reference)
    by_ours = goal is not None and goal.startswith("ours")
    new = {"row": number, "work": work, "ours": a, "reference": b,
           "against": against, "unit": unit, "ratio": ratio, "goal": goal,
           "verdict": verdict_of(goal, a if by_ours else ratio),
           "rounds": None if ours is None else len(ours), "sizes": sizes,
           "note": note, "program": os.path.basename(sys.argv[0])}
    print(text_of(new), flush=True)
    rows = [r for r in read_rows()
            if (r["row"], r["work"], r["against"]) !=
            (number, work, against)] + [new]
    rows.sort(key=lambda r: int(r["row"]))
    write_rows(rows)
    return ratio


# Opened while this process may: some programs give root's rights up.
os.makedirs(os.path.dirname(JSON), exist_ok=True)
FILE = os.open(JSON, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def read_rows():
    text = os.pread(FILE, os.fstat(FILE).st_size, 0)
    return json.loads(text) if text else []


def write_rows(rows):
    os.ftruncate(FILE, 0)
    os.pwrite(FILE, (json.dumps(rows, indent=1) + "\n").encode(), 0)


def figure(value):
    """Three digits that count."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.2f}"


HEAD = (f"{'row':>3} {'work':46} {'ours':>9} {'reference':>9} {'unit':7} "
        f"{'ratio':>6} {'goal':>10}  verdict")


def text_of(r):
    text = (f"{r['row']:>3} {r['work']:46} {figure(r['ours']):>9} "
            f"{figure(r['reference']):>9} {r['unit']:7} "
            f"{figure(r['ratio']):>6} {r['goal'] or '-':>10}  {r['verdict']}"
            f"{'  against ' + r['against'] if r['against'] else ''}")
    return text + (f"\n    {r['note']}" if r["note"] else "")


def main():
    """benchlib.py NUMBER WORK OURS REFERENCE UNIT GOAL AGAINST: a row of a shell
    script; "-" for what there is not."""
    number, work, ours, reference, unit, goal, against = (
        None if word == "-" else word for word in sys.argv[1:])
    row(number, work, ours and float(ours), reference and float(reference), unit,
        goal, against or "")


if __name__ == "__main__":
    main()
