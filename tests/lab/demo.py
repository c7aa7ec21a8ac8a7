# SPDX-License-Identifier: ISC
"""The demonstration: one message a scenario, a table, a verdict."""
import re
import sys
import time

from labkit import scenarios
from labkit.exim import Exim
from labkit.lab import Lab

HEADS = ('', 'domain', 'policy', 'the MX host', 'expected', 'verdict')


def said(outcome):
    """Exim's own words, without what every line has."""
    text = re.sub(r'\b[TR]=\S+ ', '', outcome.reason)
    text = re.sub(r' (?:DN|C|L|SNI)="[^"]*"| SNI=\S+', '', text)
    text = re.sub(r'defer \(-?\d+\):? ?', '', text)
    return text.strip(' :')


def table(rows):
    lines = [HEADS]
    for row in rows:
        lines.append(('ok' if row.good else 'WRONG', row.domain,
                      row.policy_text, row.what, row.expected,
                      f'{row.verdict}: {said(row.outcome)}'))
    widths = [max(len(line[column]) for line in lines)
              for column in range(len(HEADS) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths)]
        print('  '.join(cells + [line[-1]]), flush=True)


def main():
    began = time.monotonic()
    lab = Lab(Exim('single'))
    lab.mta.configure()
    lab.mta.start()
    rows = scenarios.load()
    scenarios.run(lab, rows,
                  lambda text: print(f'... {text}', flush=True))
    print()
    table(rows)
    bounces = lab.mta.bounces()
    if bounces:
        print('\nbounced, which nothing should:', *bounces, sep='\n')
    wrong = [row.name for row in rows if not row.good]
    print(f'\n{len(rows) - len(wrong)} of {len(rows)} verdicts as expected, '
          f'{time.monotonic() - began:.0f} s')
    if wrong:
        print('WRONG:', *wrong)
    sys.exit(1 if wrong or bounces else 0)


main()
