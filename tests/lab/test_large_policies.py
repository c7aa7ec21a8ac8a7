# SPDX-License-Identifier: ISC
"""Policies of 10 to 5,000 mx lines, up to 64 KiB.  A long host list kills an
Exim delivery process together with all other recipients of the message, so
the answer has a bound of 3,072 bytes: within it the list has all patterns,
beyond it those of the domain's present MX hosts that are permitted.  Where
these are not known the domain waits as policy_too_large.  The other recipients
of the same message are delivered, always."""
import pathlib
import time

from labkit import matrix, paths, sabotage, tap
from labkit.exim import Exim
from labkit.lab import Lab

BOUND = 3072
BODY_MAX = 65536
HEAD = 'mode=enforce ign=!^('
TAIL = ')$:*'
HOSTS = ['mx.good.test', 'mx.bad.test']


def answer_bytes(patterns):
    """What the function would have to answer, without repetitions."""
    wild = {name[1:] for name in patterns if name.startswith('*')}
    kept = {name for name in patterns if name.startswith('*') or
            name[name.index('.'):] not in wild}
    texts = [name.replace('*.', '[^.]+[.]', 1) if name.startswith('*') else
             name for name in kept]
    dots = [text.replace('[.]', '').replace('[^.]', '').count('.')
            for text in texts]
    return len(HEAD) + len(TAIL) + len(texts) - 1 + sum(
        map(len, texts)) + 2 * sum(dots)


def padded(stem, length):
    """A name of that length, in labels of at most 50 bytes."""
    size = length - len('.test')
    text = list((stem + 'x' * size)[:size])
    for at in range(50, size - 1, 51):
        text[at] = '.'
    return ''.join(text) + '.test'


def long_names(count, length):
    return [padded(f'n{number}', length) for number in range(count)]


def tight_names(count):
    """The shortest there are: 5,000 of them fit in 64 KiB."""
    digits = 'abcdefghijklmnopqrstuvwxyz0123456789'
    return [f'{digits[n // 36 ** 3 % 36]}{digits[n // 1296 % 36]}'
            f'{digits[n // 36 % 36]}{digits[n % 36]}.tst'
            for n in range(count)]


def largest(count):
    """Names as long as so many lines of 64 KiB allow, at most 200 bytes."""
    room = (BODY_MAX - 200) // count - len('mx: \n')
    return tight_names(count) if room < 14 else long_names(
        count, min(room, 200))


def exactly(size):
    """Names with which the answer has that many bytes."""
    names = long_names(size // 100, 100)
    for kept in range(len(names), 0, -1):
        for length in range(10, 240):
            found = names[:kept] + [padded('q', length)]
            if answer_bytes(found + HOSTS) == size:
                return found
    raise RuntimeError(size)


lab = Lab(Exim('single'))
lab.mx.add('mx.good.test')
lab.mx.add('mx.bad.test', 'good', 'expired')
cases = []


def case(name, patterns, end='\n'):
    """A domain with that policy and a good host; a twin with a bad one."""
    body = lab.policies.text('enforce', patterns + HOSTS, end=end)
    assert len(body) <= BODY_MAX, (name, len(body))
    size = answer_bytes(patterns + HOSTS)
    for kind in ('good', 'bad'):
        domain = f'{kind}-{name}.test'
        lab.dns.set(domain, 'MX', '5 attacker.mx.test.',
                    f'10 mx.{kind}.test.')
        lab.policies.publish(domain, 'enforce', ['mx.good.test'])
        lab.policies.serve(domain, body)
    cases.append((name, len(patterns) + 2, len(body), size))


lab.mx.add('attacker.mx.test')
lab.domain('other.test', 'enforce', mx=['mx.other.test'])
lab.domain('free.test', mx=[('mx.free.test', 'nostarttls')])
COUNTS = (10, 50, 100, 300, 500, 800, 1000, 2000, 5000)
names = [f'{kind}-{what}{count}.test' for kind in ('good', 'bad')
         for what in ('long', 'short') for count in COUNTS] + [
    f'{kind}-{what}.test' for kind in ('good', 'bad')
    for what in ('within', 'beyond', 'wildcard', 'repeated', 'crlf')]
lab.policies.host(*names)
for count in COUNTS:
    case(f'long{count}', largest(count))
    case(f'short{count}', tight_names(count))
case('within', exactly(BOUND))
case('beyond', exactly(BOUND + 1))
case('wildcard', ['*.wild.test'] + [f'host{n:04}.wild.test'
                                    for n in range(2500)])
case('repeated', ['again.and.again.test'] * 2500)
case('crlf', tight_names(1000), '\r\n')
lab.dns.commit()
lab.configure()
lab.reconfigure()
lab.mta.start()
began = time.monotonic()
table = []
for name, lines, size, answer in cases:
    rcpts = ['bob@other.test', f'bob@good-{name}.test', f'bob@bad-{name}.test',
             'bob@free.test']
    message = lab.send(*rcpts)
    lab.settle([message])
    got = {}
    for rcpt in rcpts:
        out = lab.outcome(message, rcpt)
        got[rcpt] = out
    within = answer <= BOUND
    tap.same([got[rcpt].verdict for rcpt in (rcpts[0], rcpts[3])],
             ['delivered'] * 2, f'{name}: the other recipients are delivered')
    good, bad = got[rcpts[1]], got[rcpts[2]]
    tap.same((good.verdict, good.host, good.tls),
             ('delivered', 'mx.good.test', True),
             f'{name}: {lines} lines, {answer} bytes: enforced')
    if not tap.ok(bad.verdict == 'deferred' and 'certificate' in bad.reason,
                  f'{name}: a bad host is refused'):
        tap.diag(f'{bad.verdict} {bad.reason}')
    lab.mta.forget_retries()
    table.append(f'{name:12} {lines:5} lines {size:6} bytes; answer '
                 f'{answer:6}: {"patterns" if within else "MX hosts"}')
for setting in ('defer', 'deliver'):
    domain = f'good-{"beyond" if setting == "defer" else "long5000"}.test'
    lab.dns.behave(domain, 'servfail', 'MX')
    for path in pathlib.Path(paths.STATE).glob(f'routes/*/{domain}'):
        path.unlink()
    with sabotage.settings(on_local_error=setting):
        lab.expect_deferred(
            lab.send(f'bob@{domain}'), 'policy_too_large', f'MX hosts not '
            f'known, on-local-error {setting}: waits as policy_too_large')
    lab.dns.behave(domain, None, 'MX')
tap.diag('\n'.join(table))
tap.diag(f'{len(cases)} policies in {time.monotonic() - began:.1f} s')
tap.same(lab.mta.bounces(), [], 'nothing bounced')
tap.same(matrix.crashes(lab), [], 'no process crashed')
tap.done()
