# SPDX-License-Identifier: ISC
"""`mta-sts enable exim`: what Debian's Exim, split or not, and a file of one's own
become, and that `disable` gives back every byte."""
import pathlib
import re
import subprocess

from labkit import enabling, paths, tap
from labkit.exim import SINGLE, Exim
from labkit.lab import Lab

lab = Lab(Exim('debian'))
lab.domain('good.test', 'enforce', mx=['mx1.good.test'])
lab.domain('stolen.test', 'enforce', mx=['mx1.stolen.test'],
           patterns=['other.stolen.test'])
lab.dns.commit()
lab.mta.configure(fragments=False)
lab.mta.start()


def settle():
    """The daemon listens anew for a moment."""
    tap.until(lab.mta._is_up, 20)
    lab.mta.forget_retries()


def enforces(kind):
    settle()
    lab.expect_delivered(lab.send('bob@good.test'), f'{kind}: good mail leaves',
                         tls=True)
    lab.expect_deferred(lab.send('bob@stolen.test'), 'no MX host',
                        f'{kind}: mail to a host outside the policy waits')


def flows(kind):
    settle()
    lab.mta.empty_queue()
    lab.expect_delivered(lab.send('bob@stolen.test'),
                         f'{kind}: mail flows as before')


def round_trip(kind, *more):
    before = enabling.picture()
    result = enabling.enable('--dry-run', *more)
    enabling.succeeded(result, f'{kind}: a dry run')
    enabling.same(before, f'{kind}: changes nothing')
    result = enabling.enable(*more)
    tap.diag(result[1])
    enabling.succeeded(result, f'{kind}: enable')
    enforces(kind)
    enabling.succeeded(enabling.enable(*more), f'{kind}: again')
    enabling.succeeded(enabling.disable(), f'{kind}: disable')
    enabling.same(before, f'{kind}: every file is as before')
    flows(kind)


def use(text):
    """A single file."""
    SINGLE.write_text(text)
    lab.mta.restart()


subprocess.run(['rm', '-r', paths.STATE], check=True)
round_trip('split')

settings = pathlib.Path('/etc/exim4/update-exim4.conf.conf')
settings.write_text(settings.read_text().replace(
    "use_split_config='true'", "use_split_config='false'"))
for command in (['update-exim4.conf.template', '-r', '-n'],
                ['update-exim4.conf']):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
round_trip('unsplit')

template = pathlib.Path('/etc/exim4/exim4.conf.template')
text = template.read_text()
template.write_text('# ours\n' + text)
enabling.refused(enabling.enable(), 'has changes of its own',
                 'a template with changes of its own')
template.write_text(text)
for kind, pattern in (('smarthost', "that host's task"),
                      ('satellite', 'smart.test'),
                      ('local', 'nothing to protect')):
    text = settings.read_text()
    settings.write_text(re.sub('configtype=.*', f"configtype='{kind}'", text)
                        .replace("smarthost=''", "smarthost='smart.test'"))
    enabling.refused(enabling.enable(), f'(?s){pattern}.*nothing was changed',
                     kind)
    settings.write_text(text)

use(enabling.OWN.format(so=paths.OBJECT))
round_trip('a file of one\'s own', str(SINGLE))
tap.done()
