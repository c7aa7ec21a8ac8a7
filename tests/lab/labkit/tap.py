# SPDX-License-Identifier: ISC
"""The Test Anything Protocol, for prove(1)."""
import re
import sys
import time
import traceback

_count = 0
_failed = 0


def ok(holds, name):
    """One assertion, named after the behaviour it holds."""
    global _count, _failed
    _count += 1
    if not holds:
        _failed += 1
    print(f'{"ok" if holds else "not ok"} {_count} - '
          f'{name.replace("#", " ")}', flush=True)
    return bool(holds)


def _short(value):
    text = repr(value)
    return text if len(text) < 800 else f'{text[:800]} ... ({len(text)})'


def same(got, expected, name):
    if not ok(got == expected, name):
        diag(f'got      {_short(got)}')
        diag(f'expected {_short(expected)}')
        return False
    return True


def like(text, pattern, name):
    if not ok(re.search(pattern, text) is not None, name):
        diag(f'{text!r} does not match {pattern!r}')
        return False
    return True


def skip(name, why):
    """A visible skip."""
    global _count
    _count += 1
    print(f'ok {_count} - {name} # SKIP {why}', flush=True)


def diag(text):
    for line in str(text).splitlines():
        print(f'# {line}', flush=True)


def _died(*what):
    """What prove shows of a program that ends by an exception."""
    diag(''.join(traceback.format_exception(*what)))


sys.excepthook = _died


def done():
    """Prints the plan and ends the program."""
    print(f'1..{_count}', flush=True)
    sys.exit(1 if _failed or not _count else 0)


def until(condition, seconds, step=0.05):
    """Waits for condition() to be true; returns its last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(step)
