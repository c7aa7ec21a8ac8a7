# SPDX-License-Identifier: ISC
"""`mta-sts enable exim`, killed between two files, with a configuration that is not
right, with a daemon that ends, on a full disk, beside changes of the operator's: all
is old, or all is new."""
import pathlib
import re
import subprocess

from labkit import enabling, paths, tap
from labkit.exim import SINGLE, Exim
from labkit.lab import Lab

lab = Lab(Exim('debian'))
lab.domain('good.test', 'enforce', mx=['mx1.good.test'])
lab.dns.commit()
lab.mta.configure(fragments=False)

# A run that dies between two files.
before = enabling.picture()
number = 1
order, whole = True, True
while enabling.killed(number, 'enable', 'exim', '--domain', 'good.test'):
    # What the next update-exim4.conf would make, at boot for instance.
    made = lab.mta.run('-bt', 'bob@good.test')
    again = subprocess.run(['update-exim4.conf', '-o', '/run/lab/made'],
                           check=False).returncode
    next_ = lab.mta.run('-C', '/run/lab/made', '-bt', 'bob@good.test')
    order = order and not again and all(
        'router = dnslookup, transport = remote_smtp\n' in text or
        'router = mta_sts_enforce, transport = remote_smtp_mta_sts\n' in text
        for text in (made, next_))
    enabling.disable()
    whole = whole and enabling.picture() == before
    number += 1
tap.same(number, 8, 'killed before each of seven renames')
tap.ok(order, 'whenever it dies, mail goes the old way or the new one')
tap.ok(whole, 'and the next run takes all of it back')
enabling.succeeded(enabling.disable(), 'not killed, it comes to its end')
enabling.same(before, 'which disable takes back')

# Nothing is switched that has not passed its check.
local = pathlib.Path('/etc/exim4/conf.d/main/000_local')
text = local.read_text()
local.write_text(text + 'MTA_STS_SO == /nowhere/mta-sts.so\n')
broken = enabling.picture()
enabling.refused(enabling.enable(), '/nowhere/mta-sts.so',
                 'an object that is not there')
enabling.same(broken, 'changes nothing')
local.write_text(text + 'no_such_option = 1\n')
broken = enabling.picture()
enabling.refused(enabling.enable(), 'no_such_option',
                 'a configuration that Exim refuses')
enabling.same(broken, 'changes nothing either')
local.write_text(text)
subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8k,mode=700', 'tmpfs',
                enabling.RECORD], check=True)
enabling.refused(enabling.enable(), 'No space left', 'a full disk', 3)
enabling.same(before, 'changes nothing')
subprocess.run(['umount', enabling.RECORD], check=True)
lab.mta.start()
lab.expect_delivered(lab.send('bob@good.test'), 'mail flows as before')
lab.mta.stop()

# What the operator has changed since is his.
enabling.enable()
link = pathlib.Path('/etc/exim4/conf.d/main/04_mta-sts')
target = link.readlink()
link.unlink()
link.write_text('# mine\n')
result = enabling.disable()
enabling.refused(result, '(?s)was changed after .*diff ',
                 'a file that was changed since')
tap.same(link.read_text(), '# mine\n', 'is left')
enabling.follow(result[1])
enabling.same(before, 'the printed commands take the rest back')
kept = enabling.RECORD / 'exim/edit.kept'
tap.same(kept.read_text(), '# mine\n', 'and the file is kept')

# Interrupted, then changed.
enabling.killed(3, 'enable', 'exim', '--domain', 'good.test')
target = link.readlink()
link.unlink()
link.write_text('# mine\n')
enabling.refused(enabling.enable(), '(?s)was changed after .*still there, in '
                 'part or whole', 'what cannot be taken back is not denied')
link.unlink()
link.symlink_to(target)
enabling.disable()
enabling.same(before, 'once it can, it is')

# What is made from the files of before.
enabling.enable()
with enabling.MADE.open('a') as file:
    file.write('# made again\n')
local.write_text(text + 'no_such_option = 1\n')
result = enabling.disable()
enabling.refused(result, 'update-exim4.conf fails', 'what is not made again', 3)
tap.ok('MTA-STS is off' not in result[1], 'is not said to be off')
local.write_text(text)
subprocess.run(['update-exim4.conf'], check=True)
enabling.same(before, 'until it is made')

SINGLE.write_text(enabling.OWN.format(so=paths.OBJECT))
before = enabling.picture()
order = whole = True
number = 1
while enabling.killed(number, 'enable', 'exim', '--domain', 'good.test'):
    order = order and bool(re.search(
        'router = (outward|mta_sts_enforce), transport = ',
        lab.mta.run('-bt', 'bob@good.test')))
    enabling.disable()
    whole = whole and enabling.picture() == before
    number += 1
tap.same(number, 5, 'a file of one\'s own: killed before each of four renames')
tap.ok(order and whole, 'mail goes the old way or the new one')
was = SINGLE.read_text()
SINGLE.write_text('# mine\n' + was)
enabling.succeeded(enabling.enable(), 'with an edit it is still on')
result = enabling.disable()
enabling.refused(result, 'was changed after', 'which disable does not drop')
enabling.follow(result[1])
tap.same(SINGLE.read_text(), '# mine\n' + enabling.OWN.format(so=paths.OBJECT),
         'the printed commands take ours out and keep it')
tap.ok(not enabling.OPTIONS.exists(), 'and the rest is gone')

# A router that a condition leaves out, and bytes that are no text.
for edit, reason in ((lambda old: old.replace(
        'outward:', '.ifdef NEVER\noutward:').replace(
        '  no_more\n', '  no_more\n.endif\n'), 'no router outward'),
        (lambda old: old + '# \0\n', 'a byte 0 in it')):
    SINGLE.write_text(edit(enabling.OWN.format(so=paths.OBJECT)))
    enabling.refused(enabling.enable(), reason, reason)

# The daemon, and no other process, runs this when it starts (-ps).
startup = pathlib.Path('/run/lab/startup.pl')
startup.write_text(
    f"open(my $file, '<', '{SINGLE}') or die; local $/;\n"
    "die 'not with these' if <$file> =~ m,include/routers,; 1;\n")
SINGLE.write_text(enabling.OWN.format(so=paths.OBJECT).replace(
    'acl_smtp_rcpt',
    f"perl_startup = do '{startup}' or die $@\nacl_smtp_rcpt"))
before = enabling.picture()
said = lab.mta.run('-bd', '-q10m', '-ps')
if not tap.ok(tap.until(lab.mta._is_up, 60), 'a daemon with Perl runs'):
    tap.diag(said)
result = enabling.enable()
enabling.refused(result, "Exim's daemon has ended",
                 'a daemon that ends with the new file')
tap.like(result[1], "start Exim's daemon again: /usr/sbin/exim4 -bd -q10m -ps\n",
         'is started again')
tap.like(result[1], 'MTA-STS is not on: all files are as before',
         'with the old one')
enabling.same(before, 'which is back')
tap.ok(lab.mta._is_up(), 'and serves')
startup.write_text('die;\n')
result = enabling.enable()
enabling.refused(result, 'no mail comes in until it is started: '
                 '/usr/sbin/exim4 -bd -q10m -ps\n',
                 'one that does not start any more', 3)
enabling.same(before, 'the old file is back')
tap.done()
