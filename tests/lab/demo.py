# SPDX-License-Identifier: ISC
"""The demonstration: one message a scenario, a table, a verdict.

demo.py exim|6.8|7.6   in a world: sends, and writes what became of it
demo.py --table        outside: prints what these have written, 80 columns wide
"""
import json
import os
import pathlib
import re
import sys
import textwrap

from labkit import opensmtpd_lab, paths, scenarios
from labkit.exim import Exim
from labkit.lab import Lab

VERSIONS = ('6.8', '7.6')  # of OpenSMTPD
WIDTH = 80
FORMAT = '{:5} {:16} {:12} {:12} {:14} {}'


# In a world


def said(outcome):
    """Exim's own words, without what every line has."""
    text = re.sub(r'\b[TR]=\S+ ', '', outcome.reason)
    text = re.sub(r' (?:DN|C|L|SNI)="[^"]*"| SNI=\S+', '', text)
    text = re.sub(r'defer \(-?\d+\):? ?', '', text)
    return text.strip(' :')


def send(mta):
    """Returns one dictionary a row, and what bounced."""
    smtpd = mta in VERSIONS
    lab = opensmtpd_lab.SmtpdLab(mta) if smtpd else Lab(Exim('single'))
    lab.mta.configure()
    lab.mta.start()
    rows = opensmtpd_lab.load(mta) if smtpd else scenarios.load()
    name = f'OpenSMTPD {mta}' if smtpd else 'Exim'
    (opensmtpd_lab if smtpd else scenarios).run(
        lab, rows, lambda text: print(f'... {name}: {text}', flush=True))
    return {'bounces': lab.mta.bounces(), 'rows': {
        row.name: {'good': row.good, 'verdict': row.verdict,
                   'expected': row.expected,
                   'reason': row.outcome.reason if smtpd
                   else said(row.outcome),
                   'difference': getattr(row, 'difference', '-')}
        for row in rows}}


# Outside


def lines_of(text, indent, first=''):
    """Wrapped, each line within the width."""
    return textwrap.fill(' '.join(text.split()), WIDTH,
                         initial_indent=first or ' ' * indent,
                         subsequent_indent=' ' * indent)


def short(verdict):
    return {'delivered tls': 'TLS', 'delivered plain': 'clear text',
            'deferred': 'waits'}.get(verdict, verdict)


def cell(result, row, exim):
    """The verdict; a star where it is to differ from Exim's."""
    if result is None:
        return 'not built'
    got = result['rows'].get(row.name)
    if got is None:
        return '- *'
    star = ' *' if got['expected'] != exim['expected'] else ''
    return f'{"" if got["good"] else "WRONG: "}{short(got["verdict"])}{star}'


def introduce(results):
    mtas = ['Exim', *(f'OpenSMTPD {version}' for version in VERSIONS
                      if results[version])]
    print(lines_of(
        f'What you see: {", ".join(mtas)}, unpatched, with the configuration '
        'that this suite installs, each in a private world with a name server, '
        'web servers and mail servers of its own. Each sent one message to each '
        'domain below, most of which have something wrong, as after a mistake or '
        'under attack.', 0))
    print()
    print(lines_of(
        'TLS: delivered over TLS. clear text: delivered without, which only '
        'domains that do not enforce may get. waits: kept in the queue, with the '
        'reason. The first column says whether all is as it has to be; "expected" '
        'is what RFC 8461 wants.', 0))
    print()


def show(results):
    """A row for each domain, with what is special about it, and Exim's words."""
    rows = scenarios.load()
    exim = results['exim']['rows']
    introduce(results)
    print(FORMAT.format('', 'domain', 'expected', 'Exim',
                        *(f'smtpd {version}' for version in VERSIONS)).rstrip())
    for row in rows:
        own = exim[row.name]
        cells = [cell(results[version], row, own) for version in VERSIONS]
        first = cell(results['exim'], row, own)
        wrong = any('WRONG' in text for text in (first, *cells))
        print(FORMAT.format('WRONG' if wrong else 'ok', row.domain,
                            short(row.expected), first, *cells).rstrip())
        print(lines_of(f'{row.policy_text}; MX host: {row.what}', 6))
        if not own['verdict'].startswith('delivered'):
            print(lines_of(f'Exim: {own["reason"]}', 6))
    show_smtpd(rows, results)


def show_smtpd(rows, results):
    found = {version: results[version]['rows'] for version in VERSIONS
             if results[version]}
    if not found:
        return
    print('\nWhat OpenSMTPD says of mail that waits:')
    for row in rows:
        got = {version: names.get(row.name) for version, names in found.items()}
        waits = {version: one['reason'] for version, one in got.items()
                 if one and not one['verdict'].startswith('delivered')}
        if waits:
            print(row.domain)
        for version, reason in waits.items():
            print(lines_of(f'{version}: {reason}', 6))
    print('\n* differs from Exim:')
    differences = opensmtpd_lab.differences()
    for text in dict.fromkeys(differences.values()):
        print(lines_of(f'{text}: ' + ', '.join(
            row.domain for row in rows if differences.get(row.name) == text),
            6, '  '))


def load(directory):
    results = {}
    for mta in ('exim', *VERSIONS):
        path = pathlib.Path(directory, f'demo-{mta}.json')
        results[mta] = json.loads(path.read_text()) if path.exists() else None
    return results


def judge(results):
    """How many verdicts are as expected; true where all are."""
    rows = [(mta, name, row) for mta, result in results.items() if result
            for name, row in result['rows'].items()]
    wrong = [f'{mta}: {name}' for mta, name, row in rows if not row['good']]
    bounces = [line for result in results.values() if result
               for line in result['bounces']]
    if bounces:
        print('\nbounced, which nothing should:')
        print(*(lines_of(line, 2) for line in bounces), sep='\n')
    print(f'\n{len(rows) - len(wrong)} of {len(rows)} verdicts as expected')
    if wrong:
        print('WRONG:', *wrong, sep='\n  ')
    return not wrong and not bounces


def main():
    if sys.argv[1] == '--table':
        results = load(os.environ['LAB_BUILD'] + '/lab')
        if not results['exim']:
            sys.exit('demo: Exim has no results')
        print()
        show(results)
        sys.exit(0 if judge(results) else 1)
    result = send(sys.argv[1])
    path = paths.LAB / 'out/lab' / f'demo-{sys.argv[1]}.json'
    path.write_text(json.dumps(result))


main()
