# SPDX-License-Identifier: ISC
"""A place for tests of programs that refuse to run as root."""
import contextlib
import os
import shutil
import tempfile
# Before the test gives up its rights: Python's library may be root's alone.
import encodings.ascii  # noqa: F401
import encodings.idna  # noqa: F401
import encodings.latin_1  # noqa: F401

from inject_tap import BUILD

NOBODY = 65534


@contextlib.contextmanager
def unprivileged(*programs):
    """A directory with copies of these programs of the build and of the
    fetcher, which a resolver needs: what was built may be root's alone too.
    Root's rights are gone from then on."""
    top = tempfile.mkdtemp(prefix="mta-sts-test.")
    try:
        for program in (*programs, "mta-sts-fetcher"):
            shutil.copy(os.path.join(BUILD, program), top)
        if os.getuid() == 0:
            os.chown(top, NOBODY, NOBODY)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        os.umask(0o022)
        yield top
    finally:
        shutil.rmtree(top, ignore_errors=True)
