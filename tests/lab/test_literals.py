# SPDX-License-Identifier: ISC
"""Address literals have no policy (RFC 8461 3.4): where Exim is allowed to
route them, they go out, and nothing is asked."""
from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

ROUTER = """\
literal:
  driver = ipliteral
  domains = ! +local_domains
  transport = remote_smtp

system_aliases:
"""


def with_literals(text):
    """Behind our routers, so that the query sees the literal."""
    assert text.count('\nsystem_aliases:\n') == 1
    return text.replace('\nsystem_aliases:\n', '\n' + ROUTER).replace(
        '\nbegin acl\n', '\nallow_domain_literals\n\nbegin acl\n', 1).replace(
        '  transport = remote_smtp\n  no_more\n',
        '  transport = remote_smtp\n')


lab = Lab(Exim('single'))
lab.edit = with_literals
lab.mx.add('mx.literal.test', 'nostarttls')
lab.dns.commit()
lab.reconfigure()
lab.mta.start()
address = lab.mx.addresses['mx.literal.test']
for literal in (f'[{address}]', '[IPv6:2001:db8:113::1]'):
    mark = lab.now()
    if 'IPv6' in literal:
        text = lab.mta.run('-bt', f'bob@{literal}')
        tap.like(text, 'router = literal', f'{literal}: routed as before')
    else:
        message = lab.send(f'bob@{literal}')
        lab.settle([message])
        tap.same(len(lab.mx.messages(message.tag)), 1,
                 f'{literal}: delivered')
    tap.same([entry['name'] for entry in lab.dns.queries_since(mark)
              if entry['name'].startswith('_mta-sts')], [],
             f'{literal}: no query of ours')
tap.done()
