# SPDX-License-Identifier: ISC
"""The packages as they are installed, in a world: `mta-sts enable`, five messages
that go out or wait as they should, `mta-sts disable`, and all is as before; so it is
when the package is removed while it is enabled.

enforced.py exim|opensmtpd, by `LAB_PACKAGED=1 tests/lab/enter`."""
import pathlib
import subprocess
import sys

from labkit import opensmtpd_lab, paths, scenarios, tap
from labkit.exim import Exim
from labkit.lab import Lab

ROWS = ('good', 'no-policy', 'not-in-policy', 'no-starttls', 'expired')
ETC = {'exim': '/etc/exim4', 'opensmtpd': '/etc/smtpd.conf'}
PACKAGE = {'exim': 'exim4-mta-sts', 'opensmtpd': 'opensmtpd-filter-mta-sts'}


def configuration(server):
    top = pathlib.Path(ETC[server])
    return {str(path): path.read_bytes()
            for path in [top, *top.rglob('*')] if path.is_file()}


def command(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    for line in done.stdout.splitlines():
        tap.diag(line)
    return done.returncode


def check(rows):
    for row in rows:
        if not tap.ok(row.good, f'{row.name}: {row.expected}'):
            tap.diag(f'{row.verdict}: {row.outcome.reason}')


def main(server):
    if server == 'exim':
        lab = Lab(Exim('debian'))
        lab.mta.configure(fragments=False)
        rows, run = scenarios.load(), scenarios.run
    else:
        version, = opensmtpd_lab.VERSIONS
        lab = opensmtpd_lab.SmtpdLab(version)
        lab.mta.setup()  # the world has made the state directory for Exim
        rows, run = opensmtpd_lab.load(version), opensmtpd_lab.run
    rows = [row for row in rows if row.name in ROWS]
    lab.domain('first.test', 'enforce', mx=['mx1.first.test'])
    lab.dns.commit()
    more = ['--domain', 'first.test'] if server == 'exim' else []
    before = configuration(server)
    tap.same(command(paths.COMMAND, 'enable', server, *more), 0,
             f'mta-sts enable {server}')
    lab.mta.start()
    run(lab, rows, tap.diag)
    check(rows)
    # For mail that waits, smtpd's file would not be what it was at once.
    lab.mta.empty_queue()
    lab.mta.stop()
    tap.same(command(paths.COMMAND, 'disable', server), 0, f'mta-sts disable {server}')
    tap.ok(configuration(server) == before,
           'the configuration is what it was, byte for byte')
    tap.same(command(paths.COMMAND, 'enable', server, *more), 0,
             'enabled once more')
    tap.same(command('dpkg', '--remove', PACKAGE[server]), 0,
             'the package is removed')
    tap.ok(configuration(server) == before,
           'and the configuration again what it was')
    tap.done()


main(sys.argv[1])
