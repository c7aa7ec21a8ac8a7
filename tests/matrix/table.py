# SPDX-License-Identifier: ISC
"""table.py DIRECTORY: what tests/matrix/packages has found, scenario by version.

DIRECTORY has a folder CELL-SERVER each, with `version`, `rows.json` and `lab`,
what the whole lab has said, if it has run."""
import json
import pathlib
import re
import sys

CELLS = ('bookworm', 'bookworm-backports', 'trixie', 'trixie-backports', 'sid')
WORDS = {'delivered tls': 'tls', 'delivered plain': 'plain',
         'deferred': 'waits'}


def short(verdict):
    return WORDS.get(verdict, verdict)


def load(directory, server):
    """Name, version and rows of each cell that ran."""
    found = []
    for name in CELLS:
        path = pathlib.Path(directory, f'{name}-{server}')
        if (path / 'rows.json').exists():
            version = (path / 'version').read_text().split()[-1]
            result = json.loads((path / 'rows.json').read_text())
            lab = path / 'lab'
            result['lab'] = lab.read_text() if lab.exists() else ''
            found.append((name, version.split('-')[0], result))
    return found


def cell(row):
    if row is None:
        return '-'
    word = short(row['verdict'])
    return word if row['good'] else f'WRONG: {word}'


def whole(result):
    """Of the lab's programs: how many tests there were, or that one failed."""
    tests = re.search(r' (\d+) tests', result['lab'])
    if not tests:
        return '-'
    return 'WRONG' if 'FAILED' in result['lab'] else tests[1]


def show(name, found):
    if not found:
        return 0, 0
    names = list(dict.fromkeys(row for _, _, result in found
                               for row in result['rows']))
    lines = [(name, *(version for _, version, _ in found)),
             ('', *(where.replace('-backports', ' bpo')
                    for where, _, _ in found))]
    for row in names:
        lines.append((row, *(cell(result['rows'].get(row))
                             for _, _, result in found)))
    lines.append(('tests of the whole lab',
                  *(whole(result) for _, _, result in found)))
    widths = [max(map(len, column)) for column in zip(*lines)]
    print()
    for line in lines:
        print('  '.join(text.ljust(width)
                        for text, width in zip(line, widths)).rstrip())
    for where, _, result in found:
        for line in result['bounces']:
            print(f'WRONG: {where}: bounced: {line}')
    rows = [row for _, _, result in found for row in result['rows'].values()]
    return len(rows), sum(row['good'] for row in rows)


def main():
    total = good = 0
    for server, name in ('exim', 'Exim'), ('opensmtpd', 'OpenSMTPD'):
        found = load(sys.argv[1], server)
        of_server = show(name, found)
        total, good = total + of_server[0], good + of_server[1]
    print(f'\n{good} of {total} verdicts as expected; sid moves')


main()
