# SPDX-License-Identifier: ISC
"""The demonstration: one message a scenario, a table, a verdict.

demo.py exim|6.8|7.6   in a world: sends, and writes what became of it
demo.py --table        outside: prints what these have written
"""
import json
import os
import pathlib
import re
import sys

from labkit import opensmtpd_lab, paths, scenarios
from labkit.exim import Exim
from labkit.lab import Lab

VERSIONS = ('6.8', '7.6')  # of OpenSMTPD
HEADS = ('', 'domain', 'policy', 'the MX host', 'expected', 'OpenSMTPD 6.8',
         'OpenSMTPD 7.6', 'Exim')


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


def table(lines):
    widths = [max(map(len, column)) for column in list(zip(*lines))[:-1]]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths)]
        print('  '.join(cells + [line[-1]]).rstrip(), flush=True)


def cell(result, row, exim):
    """OpenSMTPD's verdict; a star where it is to differ from Exim's."""
    if result is None:
        return 'not built'
    got = result['rows'].get(row.name)
    if got is None:
        return '- *'
    star = ' *' if got['expected'] != exim['expected'] else ''
    return f'{"" if got["good"] else "WRONG: "}{got["verdict"]}{star}'


def show(results):
    """The table, then OpenSMTPD's own words, then what differs and why."""
    rows = scenarios.load()
    exim = results['exim']['rows']
    lines = [HEADS]
    for row in rows:
        own = exim[row.name]
        cells = [cell(results[version], row, own) for version in VERSIONS]
        wrong = not own['good'] or any('WRONG' in text for text in cells)
        lines.append(('WRONG' if wrong else 'ok', row.domain, row.policy_text,
                      row.what, row.expected, *cells,
                      f'{own["verdict"]}: {own["reason"]}'))
    table(lines)
    show_smtpd(rows, results)


def show_smtpd(rows, results):
    found = {version: results[version]['rows'] for version in VERSIONS
             if results[version]}
    if not found:
        return
    lines = [('what smtpd says of mail that waits',
              *(f'OpenSMTPD {version}' for version in found))]
    for row in rows:
        got = [names.get(row.name) for names in found.values()]
        if any(one and not one['verdict'].startswith('delivered')
               for one in got):
            lines.append((row.domain, *(one['reason'] if one else '-'
                                        for one in got)))
    print()
    table(lines)
    print('\n* differs from Exim:')
    differences = opensmtpd_lab.differences()
    for text in dict.fromkeys(differences.values()):
        print(f'  {text}:', ', '.join(
            row.domain for row in rows if differences.get(row.name) == text))


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
        print('\nbounced, which nothing should:', *bounces, sep='\n')
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
