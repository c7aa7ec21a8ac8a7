# SPDX-License-Identifier: ISC
"""mta-sts config check --exim, on a real Exim: the shipped configurations have
no problem, and each change that weakens them is found."""
import re
import subprocess

from labkit import paths, tap
from labkit.exim import Exim
from labkit.lab import Lab

IGNORE = r'^  ignore_target_hosts = (\$\{if def:r_mta_sts_ign)'
CHANGES = (
    ('an item that lets hosts through', IGNORE,
     r'  ignore_target_hosts = !*.evil.test : \1',
     'does not compare MX hosts with the policy'),
    ('another separator', IGNORE, r'  ignore_target_hosts = <; \1',
     'does not compare MX hosts with the policy'),
    ('an expansion beside ours', r'(\{\*\}\}) : 0\.0\.0\.0 :',
     r'\1 : ${lookup{x}lsearch{/nonexistent}} :',
     'that fails lets every MX host through'),
    ('no list of the policy', r'^  set = r_mta_sts_ign = .*\n', '',
     "r_mta_sts_ign is not the policy's list"),
    ('self = pass', r'^mta_sts_enforce:\n', 'mta_sts_enforce:\n  self = pass\n',
     'self = pass hands mail to another router'),
    ('pass_on_timeout', r'^mta_sts_enforce:\n',
     'mta_sts_enforce:\n  pass_on_timeout\n', 'with pass_on_timeout'),
    ('no same_domain_copy_routing', r'^  same_domain_copy_routing.*\n', '',
     'each recipient at a domain costs'),
    ('no refetch', r'\$\{dlfunc\{MTA_STS_SO\}\{mta_sts_no_mx\}\{\$domain\}\}',
     'no MX host', 'corrected without a new id'),
    ('no strict names', r'^  event_action = .*\n', '',
     'event_action does not refuse'),
    ('an event of the operator, in one transport',
     r'^(remote_smtp:\n(?:  debug_print.*\n)?  driver = smtp\n)',
     r'\1  event_action = ${acl{own}}\n',
     'does not call the event_action of transport remote_smtp'),
    ('sessions that are not recorded', r'\{mta_sts_event\}', '{mta_sts_x}',
     'its sessions are not recorded'),
    ('no retry rule that names the transport',
     r'\{eq\{\$transport_name\}\{remote_smtp_mta_sts\}\}', '{false}',
     'no retry rule names it'),
)


def check():
    done = subprocess.run([paths.COMMAND, 'config', 'check', '--exim'],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.stdout


def problems(text):
    return [line for line in text.splitlines()
            if re.match('(error|warning): .*(router|transport|retry)', line)]


lab = Lab()
lab.dns.commit()
lab.configure()
for flavour in ('single', 'debian'):
    lab.mta = Exim(flavour)
    lab.mta.configure()
    text = check()
    if not tap.same(problems(text), [], f'{flavour}: no problem as shipped'):
        tap.diag(text)
    for name, pattern, replacement, wanted in CHANGES:
        def edit(text, pattern=pattern, replacement=replacement):
            changed, count = re.subn(pattern, replacement, text, flags=re.M)
            assert count, pattern
            return changed
        lab.mta.configure(edit=edit)
        text = check()
        if not tap.ok(any(wanted in line for line in problems(text)),
                      f'{flavour}: {name}: found'):
            tap.diag(text)
tap.done()
