# SPDX-License-Identifier: ISC
"""A real receiving mail server: another Exim, in a network and a set of
mounts of its own.  It checks DKIM signatures and keeps what it gets."""
import base64
import os
import pathlib
import re
import shutil
import smtplib
import subprocess

from labkit import certs, paths
from labkit.tap import until

ADDRESS = '203.0.113.129'
ROOT = paths.LAB / 'receiver'

KEY = '/etc/exim4/dkim.key'

CONFIG = """\
primary_hostname = {name}
domainlist local_domains = *
tls_advertise_hosts = *
tls_certificate = /run/lab/receiver/cert.pem
acl_smtp_rcpt = accept
acl_smtp_dkim = acl_dkim
log_selector = +tls_sni +tls_peerdn +dkim_verbose
keep_environment =
host_lookup =
begin acl
acl_dkim:
  accept logwrite = dkim $dkim_cur_signer $dkim_verify_status
         add_header = :at_start:X-DKIM: $dkim_cur_signer $dkim_verify_status
begin routers
all:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  user = Debian-exim
  file = /run/lab/receiver/mail/${{message_exim_id}}
  headers_add = X-Received-From: $sender_host_address $sender_helo_name \\
    $tls_in_cipher
"""


def make_key(lab, domain='sender.test', selector='lab'):
    """A key at KEY, which Exim may read, and its record."""
    subprocess.run(['openssl', 'genrsa', '-out', KEY, '2048'], check=True,
                   stderr=subprocess.DEVNULL)
    subprocess.run(['chown', 'root:Debian-exim', KEY], check=True)
    subprocess.run(['chmod', '640', KEY], check=True)
    public = subprocess.run(
        ['openssl', 'rsa', '-in', KEY, '-pubout', '-outform', 'DER'],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    text = base64.b64encode(public).decode()
    lab.dns.set(f'{selector}._domainkey.{domain}', 'TXT',
                f'"v=DKIM1; p={text[:200]}" "{text[200:]}"')


class Receiver:
    """One a world."""
    mounts = ''  # commands of the shell, before it starts

    def __init__(self, name='mx.receiver.test'):
        self.name = name
        self.process = None

    def text(self):
        """Its configuration."""
        return CONFIG.format(name=self.name)

    def start(self):
        inside = paths.INSIDE.read_text().split()
        for name in ('mail', 'spool', 'log', 'run'):
            path = ROOT / name
            path.mkdir(parents=True)
            shutil.chown(path, 'Debian-exim', 'Debian-exim')
        config = ROOT / 'exim4.conf'
        config.write_text(self.text())
        certs.issue(ROOT / 'cert.pem', [self.name])
        shutil.chown(ROOT / 'cert.pem', 'Debian-exim', 'Debian-exim')
        script = ROOT / 'start'
        script.write_text(f"""#!/bin/sh
set -e
until ip link show dev eth0 >/dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip addr add {ADDRESS}/25 dev eth0
ip link set eth0 up
ip route add default via 203.0.113.130
mount --bind {ROOT}/spool /var/spool/exim4
mount --bind {ROOT}/log /var/log/exim4
mount --bind {ROOT}/run /run/exim4
mount -t tmpfs etc /etc/exim4
cp {config} /etc/exim4/exim4.conf
{self.mounts}
exec /usr/sbin/exim4 -bdf
""")
        script.chmod(0o755)
        self.process = subprocess.Popen(
            ['unshare', '--net', '--mount', str(script)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        here = os.readlink('/proc/self/ns/net')
        until(lambda: os.readlink(f'/proc/{self.process.pid}/ns/net') != here,
              5, 0.01)
        for command in (
                ['ip', 'link', 'add', 'far', 'type', 'veth', 'peer', 'name',
                 'eth0', 'netns', str(self.process.pid)],
                ['ip', 'addr', 'add', '203.0.113.130/25', 'dev', 'far'],
                ['ip', 'link', 'set', 'far', 'up'],
                ['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']):
            subprocess.run(inside + command, check=True)
        if not until(self._is_up, 15):
            raise RuntimeError('the receiving Exim does not listen')

    @staticmethod
    def _is_up():
        try:
            with smtplib.SMTP(ADDRESS, 25, timeout=2):
                return True
        except OSError:
            return False

    def add(self, lab, domain):
        """Makes it the MX host of a domain."""
        lab.dns.set(self.name, 'A', ADDRESS)
        lab.dns.set(domain, 'MX', f'10 {self.name}.')

    @staticmethod
    def messages(tag):
        """Texts of what it kept."""
        return [text for text in Receiver.texts()
                if re.search(f'^X-Lab-Tag: {re.escape(tag)}$', text, re.M)]

    @staticmethod
    def texts():
        """The same, of all."""
        return [path.read_text(errors='replace')
                for path in sorted((ROOT / 'mail').iterdir())]

    @staticmethod
    def log():
        path = pathlib.Path(ROOT / 'log/mainlog')
        return path.read_text() if path.exists() else ''
