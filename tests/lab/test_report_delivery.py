# SPDX-License-Identifier: ISC
"""Reports of real sessions at their destinations: an HTTPS collector, and the
mailbox of a receiving server that checks their DKIM signature."""
import gzip


from labkit import reports, sabotage, tap, tlsrpt
from labkit.exim import Exim
from labkit.lab import Lab
from labkit.net import Policies
from labkit.receiver import KEY, Receiver, make_key

U_LABEL, A_LABEL = 'b\xfccher.test', 'xn--bcher-kva.test'
BOX = 'mailto:reports@box.test'
HTTPS = 'https://collector.test'
# Domain, mode, MX host, destinations; and what its report says: successes,
# failures, their result types.
DOMAINS = (
    ('box.test', 'testing', None, BOX, (2, 0, [])),
    ('both.test', None, ('mx.both.test', 'nostarttls'),
     f'{BOX},{HTTPS}/both', (0, 2, ['starttls-not-supported'])),
    ('post.test', 'testing', ('mx.post.test', 'good', 'expired'),
     HTTPS + '/tlsrpt', (0, 2, ['certificate-expired'])),
    ('down.test', 'enforce', ('mx.down.test',), HTTPS + '/down', (2, 0, [])),
    ('moved.test', 'testing', ('mx.moved.test',), HTTPS + '/moved',
     (2, 0, [])),
    ('strict.test', 'enforce', ('mx.strict.test', 'good', 'wrongname'),
     'mailto:tls@strict.test', (0, 2, ['certificate-host-mismatch'])),
    (A_LABEL, 'testing', ('mx.' + A_LABEL, 'good', 'untrusted'),
     HTTPS + '/name', (0, 2, ['certificate-not-trusted'])))
HOSTS = {domain: [host[0] if host else 'mx.receiver.test']
         for domain, _, host, *_ in DOMAINS}
POLICIES = {domain: Policies.text(mode, HOSTS[domain])
            for domain, mode, *_ in DOMAINS}
EXPECTED = {domain: said for domain, *_, said in DOMAINS}
AGAIN = 20 * 60


def signed(text):
    """Each transport has the options of an operator who signs."""
    options = ('  dkim_domain = sender.test\n  dkim_selector = lab\n'
               f'  dkim_private_key = {KEY}\n'
               '  dkim_sign_headers = +TLS-Report-Domain:+TLS-Report-Submitter'
               ':_DKIM_SIGN_HEADERS\n')
    return text.replace('  driver = smtp\n', '  driver = smtp\n' + options)


def arrange(lab, receiver):
    for domain, mode, host, rua, _ in DOMAINS:
        if host:
            lab.domain(domain, mode, mx=[host])
        else:
            receiver.add(lab, domain)
            lab.policies.publish(domain, mode, [receiver.name])
        lab.dns.set(f'_smtp._tls.{domain}', 'TXT',
                    f'"v=TLSRPTv1; rua={rua}"')


def check(report, domain, where):
    tap.same(reports.faults(report), [], f'{domain}: valid JSON at {where}')
    tap.same(reports.counted(report), EXPECTED[domain],
             f'{domain}: its sessions, and no other')
    for one in (entry['policy'] for entry in report['policies']):
        tap.same(one['policy-domain'], domain, f'{domain}: its name')
        if one['policy-type'] == 'sts':
            tap.same((sorted(one['policy-string']), one['mx-host']),
                     (sorted(POLICIES[domain].splitlines()), HOSTS[domain]),
                     f'{domain}: its policy')


def check_mail(mail, domain):
    check(mail.report, domain, 'the mailbox')
    tap.same((mail['TLS-Report-Domain'], mail['TLS-Report-Submitter'],
              mail['TLS-Required'], mail.mail.get_content_type(),
              mail.mail.get_param('report-type')),
             (domain, 'sender.test', 'No', 'multipart/report', 'tlsrpt'),
             f'{domain}: its header, RFC 8460 5.3')
    tap.like(mail.file, rf'^sender\.test!{domain}!\d+!\d+!\w+\.json\.gz$',
             f'{domain}: the name of its file')


def check_signature(mail):
    signature = mail['DKIM-Signature'].replace(' ', '').lower()
    tap.same(mail['X-DKIM'], 'sender.test pass',
             'the receiving server finds its DKIM signature good')
    tap.ok('tls-report-domain:' in signature and ';l=' not in signature and
           'tls-report-submitter:' in signature,
           'which covers both fields, and the whole body')


def check_post(post, domain):
    tap.same((post.method, post.host, post.type, post.encoding),
             ('POST', 'collector.test', 'application/tlsrpt+gzip', None),
             f'{domain}: posted as RFC 8460 5.4 has it')
    check(post.report, domain, 'the collector')


def posts_of(collector, path):
    return [post for post in collector.posts() if post.path == path]


lab, receiver = Lab(Exim('single')), Receiver()
receiver.start()
make_key(lab)
collector = reports.Collector(lab)
collector.behave({
    '/down': {'status': 503},
    '/moved': {'status': 302, 'headers': {'Location': HTTPS + '/tlsrpt'}}})
arrange(lab, receiver)
lab.dns.commit()
lab.edit = signed
lab.configure(**{**tlsrpt.SETTINGS, 'contact': 'tls@sender.test'})
lab.reconfigure()
lab.mta.start()
for _ in range(2):
    lab.settle([lab.send(f'bob@{domain}')
                for domain in [*EXPECTED, U_LABEL] if domain != A_LABEL])
    lab.mta.empty_queue()
    lab.mta.forget_retries()
tlsrpt.make_yesterday()
user_mail = receiver.texts()
code, lines = reports.send('--now')
tap.diag('\n'.join(lines))
tap.same(code, 1, 'some collectors take no report now')
tap.same(lines[-1], 'sent 6, waiting 0, failed 2, lost 0', 'the others do')

mails = {}
tap.until(lambda: len(receiver.texts()) == len(user_mail) + 2, 20)
for text in receiver.texts():
    mail = reports.Mail(text)
    if mail.report:
        mails[mail['TLS-Report-Domain']] = mail
tap.same(sorted(mails), ['both.test', 'box.test'], 'mails in the mailbox')
for domain, mail in sorted(mails.items()):
    check_mail(mail, domain)
check_signature(mails['box.test'])
strict = tap.until(lambda: [entry for entry in lab.mx.messages()
                            if entry['name'] == 'mx.strict.test'], 20) or []
tap.same(len(strict), 1, 'a policy that stops all mail does not stop a report')

for domain, path in (('post.test', '/tlsrpt'), ('both.test', '/both'),
                     ('down.test', '/down'), ('moved.test', '/moved'),
                     (A_LABEL, '/name')):
    found = posts_of(collector, path)
    if tap.same(len(found), 1, f'{path}: one post, and no redirect is followed'):
        check_post(found[0], domain)
tap.ok(gzip.decompress(posts_of(collector, '/name')[0].packed).isascii(),
       'a U-label in the address is an A-label in the report')
tap.same(posts_of(collector, '/both')[0].packed, mails['both.test'].packed,
         'both destinations get the same bytes')

code, lines = reports.send('--now')
tap.same((code, lines), (0, ['sent 0, waiting 2, failed 0, lost 0']),
         'nothing twice, and a pause after a failure')
collector.behave({})
with sabotage.moving_clock():
    sabotage.replace_clock(f'{AGAIN}\n')
    code, lines = reports.send()
tap.same(lines[-1], 'sent 2, waiting 0, failed 0, lost 0',
         'later the other two')
for path in '/down', '/moved':
    found = posts_of(collector, path)
    tap.same([post.packed == found[0].packed for post in found], [True] * 2,
             f'{path}: the same report again')
tap.same(len(posts_of(collector, '/tlsrpt')), 1, 'to no destination twice')
recorded = [str(one) for one in tlsrpt.outcomes()]
tap.same(len(recorded), 2 * len(DOMAINS),
         'no session of a report is written down')
tap.same(lab.mta.panics(), '', 'nothing in the panic log')
tap.done()
