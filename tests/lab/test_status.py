# SPDX-License-Identifier: ISC
"""mta-sts status, on a machine with a real Exim: nothing to do as it is set up;
each thing that comes apart gives exit status 1, and is mended by what it says.
The row CONF-5: what a package upgrade or an operator's hand takes away."""
import json
import pathlib
import subprocess

from labkit import paths, tap
from labkit.exim import Exim
from labkit.lab import Lab

CONF_D = pathlib.Path('/etc/exim4/conf.d')
TEMPLATE = pathlib.Path('/etc/exim4/exim4.conf.template')
SETTINGS = pathlib.Path('/etc/exim4/update-exim4.conf.conf')
ROUTER = CONF_D / 'router/190_mta-sts'


def status(*arguments, user=None):
    command = [paths.COMMAND, 'status', *arguments]
    if user:
        command = ['setpriv', '--reuid', user, '--regid', user,
                   '--clear-groups', *command]
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.stderr:
        tap.diag(done.stderr)
    return done.returncode, done.stdout


def fine(name):
    code, text = status()
    if not tap.same(code, 0, f'{name}: nothing to do'):
        tap.diag(text)


def found(name, *wanted):
    code, text = status()
    if not tap.same(code, 1, f'{name}: exit status 1'):
        tap.diag(text)
    for part in wanted:
        tap.ok(part in text, f'{name}: {part}')
        if part not in text:
            tap.diag(text)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


lab = Lab(Exim('debian'))
lab.domain('good.test', 'enforce', mx=['mx.good.test'])
lab.dns.commit()
lab.configure()
lab.mta.configure()
lab.mta.start()
lab.settle([lab.send('bob@good.test')])

fine('as it is set up')
code, text = status('--json')
seen = json.loads(text)
tap.same((code, seen['ok'], seen['unseen'],
          {one['severity'] for one in seen['findings']} - {'note'}),
         (0, True, [], set()), 'the same in JSON')
tap.same((seen['policies']['enforce'], seen['nameservers']['answering'],
          seen['resolver']['state'], seen['exim']['configuration']),
         (1, 1, 'works', "Debian's fragments"), 'what it counts')

code, text = status(user='65533')
tap.same(code, 3, 'a user who may read nothing: exit status 3')
tap.like(text, 'not seen as this user: what is in the state directory',
         'says what he does not see')
tap.ok('error' not in text and 'warning' not in text, 'and finds no fault')

# CONF-5
target = ROUTER.readlink()
ROUTER.unlink()
found('CONF-5: a fragment was removed', 'router/190_mta-sts is missing')
ROUTER.symlink_to('/usr/share/gone/190_mta-sts')
found('CONF-5: a dangling link', 'router/190_mta-sts is a dangling link')
run('update-exim4.conf')
found('CONF-5: and Exim has taken it', 'router/190_mta-sts is a dangling link',
      'the MTA-STS fragments are not in /etc/exim4/conf.d')
ROUTER.unlink()
ROUTER.symlink_to(target)
run('update-exim4.conf')
fine('CONF-5: the link leads there again')

settings = SETTINGS.read_text()
SETTINGS.write_text(settings.replace("dc_use_split_config='true'",
                                     "dc_use_split_config='false'"))
run('update-exim4.conf.template', '--run', '--nobackup')
run('update-exim4.conf')
fine('CONF-5: not split, the template has the fragments')
template = TEMPLATE.read_text()
lines = [line for line in template.splitlines(True)
         if 'mta_sts' not in line.lower()]
TEMPLATE.write_text(''.join(lines))
found('CONF-5: the template was written anew, Exim has not read it',
      'exim4.conf.template does not have what ')
TEMPLATE.write_text(template)
SETTINGS.write_text(settings)
run('update-exim4.conf')
fine('CONF-5: split again')

local = CONF_D / 'main/000_local'
macros = local.read_text()
local.write_text(macros + 'MTA_STS_SO = /nonexistent/mta-sts.so\n'
                 if paths.OBJECT not in macros else
                 macros.replace(paths.OBJECT, '/nonexistent/mta-sts.so'))
run('update-exim4.conf')
found('a macro that leads nowhere', '/nonexistent/mta-sts.so does not exist')
local.write_text(macros)
run('update-exim4.conf')
fine('the macro is right')

lab.configure(nameserver='192.0.2.77')
found('a dead name server', 'no name server answers')
lab.configure()
fine('it answers')
lab.configure(fetcher='/nonexistent/mta-sts-fetcher')
found('no fetcher', 'fetcher /nonexistent/mta-sts-fetcher')
lab.configure()
state = pathlib.Path(paths.STATE)
run('chown', 'nobody', str(state))
found('a state directory of another user', 'does not belong to')
run('chown', '-R', 'Debian-exim', str(state))
fine('its owner again')
state.rename('/var/lib/away')
found('no state directory', 'mta-sts setup --user NAME')
pathlib.Path('/var/lib/away').rename(state)
fine('it is back')
tap.done()
