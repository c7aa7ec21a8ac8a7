# SPDX-License-Identifier: ISC
"""A second mail server like the one under test, with a store of its own, so
that two senders can have to do with each other."""
import pathlib
import shutil
import subprocess

from labkit import certs, exim, paths
from labkit.receiver import ROOT, Receiver

HERE = '192.0.2.25'
STATE = ROOT / 'state'
SETTINGS = ROOT / 'mta-sts.conf'


def mail_server(text, name, domain, certificate, folder):
    """An example configuration that also receives mail of a domain, over TLS,
    whatever the local part is: each mail is a file of the folder."""
    text = text.replace(
        'domainlist local_domains = @\n',
        f'primary_hostname = {name}\ndomainlist local_domains = @ : {domain}\n'
        f'tls_advertise_hosts = *\ntls_certificate = {certificate}\n', 1)
    text = text.replace(
        'begin routers\n', 'begin routers\n\nkeep:\n  driver = accept\n'
        '  domains = +local_domains\n  transport = keep\n', 1)
    return text.replace(
        'begin transports\n', 'begin transports\n\nkeep:\n'
        '  driver = appendfile\n  user = Debian-exim\n'
        f'  file = {folder}/$message_exim_id\n', 1)


def texts(folder):
    return [path.read_text(errors='replace')
            for path in sorted(folder.iterdir())]


class Peer(Receiver):
    """In the place of the receiving Exim."""
    mounts = f"""mount --bind {STATE} {paths.STATE}
mount --bind {SETTINGS} {paths.CONFIG}"""

    def __init__(self, name, domain, **settings):
        """`settings` are lines of mta-sts.conf."""
        super().__init__(name)
        self.domain = domain
        STATE.mkdir(parents=True)
        STATE.chmod(0o750)
        shutil.chown(STATE, 'Debian-exim', 'Debian-exim')
        SETTINGS.write_text('allow-private yes\n' + ''.join(
            f'{key} {value}\n' for key, value in settings.items()))

    def text(self):
        example = pathlib.Path(exim.EXAMPLE).read_text(encoding='utf-8')
        return f'MTA_STS_SO = {paths.OBJECT}\n' + mail_server(
            example, self.name, self.domain, ROOT / 'cert.pem',
            ROOT / 'mail')

    def run(self, *argv, text=''):
        """A program on that machine, as root."""
        done = subprocess.run(
            ['nsenter', f'--target={self.process.pid}', '--net', '--mount',
             '--root', '--wd', *argv], input=text, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, timeout=120)
        return done.returncode, done.stdout

    def submit(self, sender, rcpt, text):
        code, said = self.run('/usr/sbin/sendmail', '-oi', '-f', sender, '--',
                              rcpt, text=text)
        if code:
            raise RuntimeError(f'sendmail: {code} {said}')


class Here:
    """What makes the server under test one that receives, too."""

    def __init__(self, lab, domain):
        self.folder = paths.LAB / 'here'
        self.folder.mkdir()
        shutil.chown(self.folder, 'Debian-exim', 'Debian-exim')
        certificate = self.folder.with_suffix('.pem')
        certs.issue(certificate, ['mail.sender.test'])
        shutil.chown(certificate, 'Debian-exim', 'Debian-exim')
        lab.dns.set('mail.sender.test', 'A', HERE)
        lab.dns.set(domain, 'MX', '10 mail.sender.test.')
        lab.edit = lambda text: mail_server(
            text, 'mail.sender.test', domain, certificate, self.folder)

    def texts(self):
        return texts(self.folder)
