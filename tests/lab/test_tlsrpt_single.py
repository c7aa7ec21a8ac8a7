# SPDX-License-Identifier: ISC
"""Sessions that TLS reports count, with the single-file example configuration:
what the MX hosts of scenarios-tlsrpt.tsv saw is what the table says."""
from labkit import tap, tlsrpt, tlsrpt_exim
from labkit.exim import Exim
from labkit.lab import Lab



def one_domain(text):
    """A session has one domain, or its report would have none."""
    return tlsrpt_exim.with_callouts(text.replace(
        'remote_smtp:\n  driver = smtp\n',
        'remote_smtp:\n  driver = smtp\n  multi_domain = false\n'))


lab = Lab(Exim('single'))
lab.edit = one_domain
lab.reconfigure()
rows = tlsrpt.load()
tlsrpt_exim.run(lab, rows)
sessions = lab.mx.sessions()
tap.same(tlsrpt.check_table(rows, sessions), [],
         f'{len(sessions)} sessions are those of the table')
tap.ok(any(session['messages'] == tlsrpt_exim.REUSED
           for session in sessions if session['what'] == 'tls'),
       f'one connection carried {tlsrpt_exim.REUSED} messages')
tap.done()
