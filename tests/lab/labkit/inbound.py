# SPDX-License-Identifier: ISC
"""A stranger's mail, from the internet's side to the server under test."""
import json
import subprocess

from labkit import paths

PROGRAM = '''
import json, smtplib, sys
sender, rcpt, text = json.load(sys.stdin)
replies = {}
with smtplib.SMTP("192.0.2.25", 25, timeout=60,
                  source_address=("198.51.100.80", 0)) as smtp:
    smtp.ehlo("stranger.test")
    replies["mail"] = smtp.mail(sender)[0]
    code, reply = smtp.rcpt(rcpt)
    replies["rcpt"], replies["text"] = code, reply.decode()
    if code == 250:
        replies["data"] = smtp.data(text.encode())[0]
print(json.dumps(replies))
'''


def deliver(sender, rcpt, text):
    """The replies to MAIL, RCPT and, where they were taken, DATA."""
    done = subprocess.run(
        paths.INSIDE.read_text().split() +
        ['/usr/bin/python3', '-c', PROGRAM],
        input=json.dumps([sender, rcpt, text]), text=True, check=True,
        stdout=subprocess.PIPE, timeout=120)
    return json.loads(done.stdout)
