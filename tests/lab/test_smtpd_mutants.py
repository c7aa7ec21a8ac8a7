# SPDX-License-Identifier: ISC
"""What the attacks of test_smtpd_attacks.py do where OpenSMTPD's configuration
lacks a part of what enforces: the mail goes to the attacker.  So those tests
can fail, and no part is there for show.

The attacks, each after a message that made the policy known:
- spoofed: the MX record names an attacker's host, which has a valid
  certificate of its own;
- stripped: the host that the policy names has no STARTTLS any more;
- swapped: its certificate comes from an authority that nobody trusts."""
from labkit import opensmtpd_lab, tap

FRESH = 901  # seconds after which routes are found anew
ATTACKS = ('spoofed', 'stripped', 'swapped')
HOLDS = {'spoofed': ('deferred', False), 'stripped': ('deferred', False),
         'swapped': ('deferred', False)}
ATTACKED = {'spoofed': ('delivered', True), 'stripped': ('delivered', False),
            'swapped': ('delivered', True)}
ACTION = ('action "mta-sts" relay tls ca mta-sts-roots domain <mta-sts> '
          'filter "mta-sts"')
RULES = ('match from local for domain <mta-sts> action "mta-sts"',
         'match tag SUBMIT from any auth for domain <mta-sts> '
         'action "mta-sts"')


def leaking(*attacks):
    return {**HOLDS, **{name: ATTACKED[name] for name in attacks}}


# What is replaced by what, and the verdicts and TLS that follow.
MUTANTS = (
    ('as shipped', (), HOLDS),
    # smtpd asks the DNS for the host, and verifies whatever that names.
    ('no table in the action',
     [(ACTION, ACTION.replace(' domain <mta-sts>', ''))],
     leaking('spoofed')),
    # Holds: the table's answer, smtp+tls://, is enough for smtpd to insist on
    # STARTTLS and to verify.  Of the two the action's "tls" is the spare one.
    ('no "tls" in the action', [(ACTION, ACTION.replace(' tls', ''))], HOLDS),
    # The rule finds out that the domain enforces; the action is a plain one.
    ('neither of them',
     [(ACTION, ACTION.replace(' tls', '').replace(' domain <mta-sts>', ''))],
     leaking(*ATTACKS)),
    # The filter, the table and the action are there, and nothing leads to it.
    ('no rule that leads to the action', [(rule, '') for rule in RULES],
     leaking(*ATTACKS)),
)


def edit(changes):
    def apply(body):
        for old, new in changes:
            if body.count(old) != 1:
                raise RuntimeError(f'the example has no line {old}')
            body = body.replace(old, new)
        return body
    return apply


def arrange(lab):
    """Domains whose policies and hosts the store has, from real mail."""
    for name in ATTACKS:
        lab.domain(f'{name}.test', 'enforce', mx=[f'mx.{name}.test'])
    lab.dns.commit()
    messages = [lab.send(f'bob@{name}.test') for name in ATTACKS]
    lab.settle(messages)
    tap.same(([lab.outcome(message).verdict for message in messages],
              [lab.mode(f'{name}.test') for name in ATTACKS]),
             (['delivered'] * 3, ['enforce'] * 3),
             'before the attacks mail goes out, and the policies are known')


def attack(lab):
    """Returns verdict and TLS of a message to each."""
    lab.mx.add('mx.attacker.test')
    lab.dns.set('spoofed.test', 'MX', '10 mx.attacker.test.')
    lab.mx.add('mx.stripped.test', 'nostarttls')
    lab.mx.add('mx.swapped.test', 'good', 'untrusted')
    lab.dns.commit()
    lab.later(FRESH)
    messages = {name: lab.send(f'bob@{name}.test') for name in ATTACKS}
    lab.settle(messages.values())
    outcomes = {name: lab.outcome(message)
                for name, message in messages.items()}
    for name, out in outcomes.items():
        tap.diag(f'{name}: {out.verdict} {out.host or ""} {out.reason}')
    return outcomes


def expect(outcomes, expected, what):
    for name, (verdict, tls) in expected.items():
        out = outcomes[name]
        if verdict == 'deferred':
            tap.same(out.verdict, verdict, f'{what}: {name} waits')
        else:
            where = 'mx.attacker.test' if name == 'spoofed' else \
                f'mx.{name}.test'
            tap.same((out.verdict, out.host, out.tls), (verdict, where, tls),
                     f'{what}: {name} leaks')


for version in opensmtpd_lab.VERSIONS:
    for what, changes, expected in MUTANTS:
        with opensmtpd_lab.running(version, edit=edit(changes)) as lab:
            tap.diag(what)
            arrange(lab)
            expect(attack(lab), expected, what)
            tap.same(lab.mta.panics(), '', 'nothing died')
tap.done()
