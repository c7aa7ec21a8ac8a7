# SPDX-License-Identifier: ISC
"""The commands of docs/proof.md, literally."""
import pathlib
import re
import shutil

from labkit import paths

DOCUMENT = paths.LAB / 'src/docs/proof.md'
POLICY = paths.LAB / 'src/common/conf/proof.txt'
DOMAIN, CERTIFICATE = 'example.org.test', 'proof.example.org.test'


def commands(heading, first):
    """The three lines of the block that begins with that word, below a heading; what
    is not the reader's own is as in the document."""
    text = DOCUMENT.read_text(encoding='utf-8')
    section = re.search(rf'(?ms)^## {heading}$(.*?)(?=^## |\Z)', text)[1]
    blocks = [re.findall(r'(?m)^    (.*)$', block) for block in
              re.findall(r'(?m)(?:^    .*\n)+', section)]
    found = [block for block in blocks if len(block) == 3 and first in block[1]]
    assert len(found) == 1, (heading, first, blocks)
    return [line.replace('example.org', DOMAIN)
            .replace('/usr/share/mta-sts/', paths.SHARED + '/')
            for line in found[0]]


def install(root='/'):
    """As make install leaves it."""
    place = pathlib.Path(root, paths.SHARED.lstrip('/'))
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(POLICY, place / 'proof.txt')
