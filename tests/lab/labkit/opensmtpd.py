# SPDX-License-Identifier: ISC
"""OpenSMTPD as in production: its own users, one smtpd, real ports.

6.8 is Debian 12's, 7.6 is Debian 13's; where packages are tried, 7.6 stands for
7.4 and all later ones.  Each runs in a root of its own that
has the world's /etc, /var and /run, and below /usr what that release of Debian
has, with the programs that were built for that release where an installation
puts them.

The methods are those of exim.py.
"""
import os
import pathlib
import re
import shutil
import smtplib
import ssl
import subprocess

from labkit import paths
from labkit.opensmtpd_log import Log
from labkit.tap import until

SUITES = {'6.8': 'bookworm', '7.6': 'trixie'}
CONF = pathlib.Path('/etc/smtpd.conf')
CREDENTIALS = pathlib.Path('/etc/smtpd.credentials')
QUEUE = pathlib.Path('/var/spool/smtpd/queue')
EXAMPLES = paths.LAB / 'src/opensmtpd/conf'
FILTERS = 'usr/libexec/opensmtpd'
HOST = 'mail.sender.test'
PASSWORD = 'secret'  # of alice
ANONYMOUS = 'AECDH-AES256-SHA:@SECLEVEL=0'  # needs no private key
LINKS = ('bin', 'sbin', 'lib', 'lib64')
INSTALLED = {'filter-mta-sts': FILTERS, 'table-mta-sts': FILTERS,
             'mta-sts-resolver': 'usr/local/libexec',
             'mta-sts-fetcher': 'usr/local/libexec',
             'mta-sts': 'usr/local/bin'}


def _run(*argv, **more):
    return subprocess.run([str(word) for word in argv],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **more)


def _must(*argv):
    done = _run(*argv)
    if done.returncode:
        raise RuntimeError(f'{argv}: {done.stdout}')
    return done.stdout


class Refused(Exception):
    """A recipient or a message was not taken, with smtpd's reply."""


class OpenSmtpd:
    name = 'opensmtpd'

    def __init__(self, version='7.6'):
        self.version = version
        self.root = paths.LAB / 'smtpd' / version
        self.log_file = Log(paths.LOG / 'smtpd.log')
        self.process = None
        self.paused = False
        if not self.root.exists():
            self._make_root()

    # The root

    def _make_root(self):
        for name in ('usr', 'etc', 'var', 'run', 'dev', 'proc', 'tmp'):
            (self.root / name).mkdir(parents=True)
        for name in LINKS:
            (self.root / name).symlink_to('usr/' + name)
        if paths.PACKAGED:
            _must('mount', '--bind', '/usr', self.root / 'usr')
        else:
            self._lay_tree()
        # Mounts that a test makes below /var are seen inside as well.
        _must('mount', '--make-rshared', '/var')
        _must('mount', '--rbind', '/var', self.root / 'var')
        for name in ('etc', 'run', 'dev', 'proc', 'tmp'):
            _must('mount', '--bind', f'/{name}', self.root / name)
        if not paths.PACKAGED:
            self._install()

    def _lay_tree(self):
        tree = paths.LAB / 'debian' / SUITES[self.version]
        over = paths.LAB / 'smtpd-usr' / self.version
        upper, work = over / 'upper', over / 'work'
        for path in (upper, work):
            path.mkdir(parents=True)
        _must('mount', '-t', 'overlay', 'overlay', self.root / 'usr', '-o',
              f'lowerdir={tree}/usr,upperdir={upper},workdir={work}')

    def _install(self):
        """As `make install FILTERDIR=/usr/libexec/opensmtpd` does it, and
        what Debian's package does when it is installed."""
        build = self._build()
        for name, directory in INSTALLED.items():
            built = build / name
            if built.exists():
                (self.root / directory).mkdir(parents=True, exist_ok=True)
                shutil.copy(built, self.root / directory / name)
                os.chmod(self.root / directory / name, 0o755)
        smtpctl = self.root / 'usr/sbin/smtpctl'
        shutil.chown(smtpctl, 'root', 'opensmtpq')
        os.chmod(smtpctl, 0o2755)
        os.makedirs('/var/lib/opensmtpd/empty', exist_ok=True)

    def _build(self):
        """The build for this release; this machine's where there is no other,
        or only an older one."""
        here = paths.LAB / 'build'
        own = here / 'debian' / SUITES[self.version]
        stamp = own / 'complete'
        newest = max((here / name).stat().st_mtime for name in INSTALLED
                     if (here / name).exists())
        if stamp.exists() and stamp.stat().st_mtime >= newest:
            return own
        return here

    def inside(self, *argv, **more):
        """A command in smtpd's root, as root."""
        return _run('chroot', self.root, *argv, stdin=subprocess.DEVNULL, **more)

    # Configuration

    def configure(self, macros=None, edit=None, example='example.conf'):
        """Writes one of the shipped examples, with `edit` applied to it.
        The macros are Exim's."""
        del macros
        body = (EXAMPLES / example).read_text(encoding='utf-8')
        for old, new in (('mail.example.org', HOST),
                         ('example.org', 'sender.test'),
                         ('"eth0"', '"wan"'),
                         (' auth tag ', ' auth <credentials> tag ')):
            body = body.replace(old, new)
        body = f'table credentials file:{CREDENTIALS}\n' + body
        if edit:
            body = edit(body)
        CONF.write_text(body, encoding='utf-8')
        os.chmod(CONF, 0o600)
        self._make_secrets()
        if os.stat(paths.STATE).st_uid != os.stat(
                '/var/lib/opensmtpd/empty').st_uid:
            self.setup()

    @staticmethod
    def _make_secrets():
        """A user's password and our own certificate."""
        if CREDENTIALS.exists():
            return
        hashed = _must('openssl', 'passwd', '-6', PASSWORD).strip()
        CREDENTIALS.write_text(f'alice {hashed}\n')
        os.chmod(CREDENTIALS, 0o640)
        shutil.chown(CREDENTIALS, 'root', 'opensmtpd')
        key = f'/etc/ssl/private/{HOST}.key'
        _must('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
              '-subj', f'/CN={HOST}', '-days', 30, '-keyout', key,
              '-out', f'/etc/ssl/{HOST}.pem')
        os.chmod(key, 0o600)

    def setup(self):
        done = self.inside(paths.COMMAND, 'setup', '--user',
                           'opensmtpd')
        if done.returncode:
            raise RuntimeError(f'mta-sts setup: {done.stdout}')

    def check(self):
        """What smtpd says of the configuration."""
        return self.inside('/usr/sbin/smtpd', '-n')

    # The daemon

    def start(self, queue_runs=None, limits=(), environment=None):
        """One smtpd, whose log goes to a file."""
        del queue_runs
        # smtpd listens on every address of an interface, and cannot on one
        # that is not yet known to be the only one of its kind.
        until(lambda: 'tentative' not in _must('ip', '-6', 'addr'), 60)
        with open(self.log_file.path, 'ab') as log:
            self.process = subprocess.Popen(
                [*limits, 'chroot', str(self.root), '/usr/sbin/smtpd', '-d'],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd='/',
                env={'PATH': os.environ['PATH'], **(environment or {})})
        self.paused = False
        # It reads its queue by and by, and delivers some of it meanwhile.
        def has_read():
            kept = len(list(QUEUE.glob('*/*/' + '[0-9a-f]' * 16)))
            return len(self.envelopes()) >= kept
        if not until(self._is_up, 60) or not until(has_read, 60):
            raise RuntimeError('smtpd does not listen:\n' +
                               self.log()[-2000:])

    @staticmethod
    def _is_up():
        try:
            with smtplib.SMTP('127.0.0.1', 25, timeout=5):
                return True
        except OSError:
            return False

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def daemon_pid(self):
        return self.process.pid if self.is_running() else None

    def processes(self):
        """Of smtpd and of all that it started: number and command name."""
        found = {}
        for path in pathlib.Path('/proc').glob('[0-9]*'):
            try:
                if os.readlink(path / 'root') == str(self.root):
                    found[int(path.name)] = (path / 'comm').read_text().strip()
            except OSError:
                pass
        return found

    def stop(self):
        if self.is_running():
            self.process.terminate()
            self.process.wait(60)
        until(lambda: 'smtpd' not in self.processes().values(), 60)

    def restart(self):
        self.stop()
        self.start()

    # Mail

    def submit(self, sender, rcpts, text, source=None):
        """Over SMTP, as a client on this machine; returns smtpd's id."""
        with smtplib.SMTP('127.0.0.1', 25, timeout=90,
                          source_address=source) as smtp:
            smtp.ehlo('client.sender.test')
            return self._transaction(smtp, sender, rcpts, text)

    def serve_users(self, body):
        """An edit of the configuration.  Debian 12's 6.8 was made for an
        OpenSSL before 3, with which it cannot use its private key: as a server
        it can do TLS only with a suite that needs none, and who wants to
        authenticate has to have TLS."""
        if self.version == '6.8':
            body = f'smtp ciphers "HIGH:{ANONYMOUS}"\n' + body
        return body

    def _user_context(self):
        # Who the server is, is not what is tested here.
        context = ssl._create_unverified_context()
        if self.version == '6.8':
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(ANONYMOUS)
        return context

    def submit_auth(self, sender, rcpts, text):
        """As a user, on the submission port, with serve_users."""
        with smtplib.SMTP('192.0.2.25', 587, timeout=90) as smtp:
            smtp.ehlo('laptop.sender.test')
            smtp.starttls(context=self._user_context())
            smtp.ehlo('laptop.sender.test')
            smtp.login('alice', PASSWORD)
            return self._transaction(smtp, sender, rcpts, text)

    @staticmethod
    def _transaction(smtp, sender, rcpts, text):
        smtp.mail(sender)
        for rcpt in rcpts:
            code, reply = smtp.rcpt(rcpt)
            if code != 250:
                raise Refused(f'{code} {reply.decode()}')
        code, reply = smtp.data(text.encode())
        if code != 250:
            raise Refused(f'{code} {reply.decode()}')
        return re.match(r'2\.0\.0:? ([0-9a-f]{8})', reply.decode()).group(1)

    def sendmail(self, sender, rcpts, text, *options):
        """As sendmail(1), run by alice; returns status and output."""
        done = subprocess.run(
            ['chroot', '--userspec=alice:alice', str(self.root),
             '/usr/sbin/sendmail', '-f', sender, *options, '--', *rcpts],
            input=text, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False, cwd='/', timeout=300)
        return done.returncode, done.stdout

    def submit_local(self, sender, rcpts, text, *options, **_more):
        mark = self.log_file.size()
        status, output = self.sendmail(sender, rcpts, text, *options)
        if status:
            raise RuntimeError(f'sendmail: {status} {output}')
        return self.log_file.accepted(mark)[-1]

    def submit_queued(self, sender, rcpts, text):
        """Without an attempt to deliver it."""
        self.hold_queue()
        return self.submit_local(sender, rcpts, text)

    # The queue

    def ctl(self, *argv):
        """smtpctl; returns what it printed."""
        return self.inside('/usr/sbin/smtpctl', *argv).stdout

    def envelopes(self):
        """Recipients that wait, by envelope id."""
        waiting = {}
        for line in self.ctl('show', 'queue').splitlines():
            fields = line.split('|')
            if len(fields) > 6 and re.fullmatch('[0-9a-f]{16}', fields[0]):
                waiting[fields[0]] = fields[6].lower()
        return waiting

    def queue(self):
        """Addresses that wait, by id."""
        waiting = {}
        for envelope, rcpt in self.envelopes().items():
            waiting.setdefault(envelope[:8], []).append(rcpt)
        return waiting

    def idle(self):
        """Whether no outgoing connection is open."""
        return not re.search(r'nconn=[1-9]', self.ctl('show', 'routes'))

    def resume_routes(self):
        """Ends what a failed session did to an address."""
        for line in self.ctl('show', 'routes').splitlines():
            match = re.match(r'([0-9a-f]+)\. .* [-A-Z]*D', line)
            if match:
                self.ctl('resume', 'route', match.group(1))

    def hold_queue(self):
        """No attempts until the next queue run."""
        self.ctl('pause', 'mta')
        self.paused = True

    def run_queue(self, force=True, seconds=60):
        """One attempt at everything in the queue, to its end."""
        del force
        mark = self.log_file.size()
        if self.paused:
            self.ctl('resume', 'mta')
            self.paused = False
        waiting = set(self.envelopes())
        self.resume_routes()
        self.ctl('schedule', 'all')
        until(lambda: not (waiting - self.log_file.tried(mark)) &
              set(self.envelopes()), seconds, 0.2)

    def empty_queue(self):
        self.ctl('remove', 'all')

    # The log

    def log(self):
        return self.log_file.text()

    def panics(self):
        """Lines that tell of the end of a process of smtpd."""
        return '\n'.join(
            line for line in self.log().splitlines()
            if re.search(r'fatal|lost child|socket closed|exited|corruption',
                         line) and '-mta-sts: ' not in line)

    def deliveries(self, message_id):
        """In order.  Where there was no host, the log has the recipient as it
        was before aliases."""
        found = self.log_file.deliveries(message_id)
        if any(entry.no_host for entry in found):
            waiting = self.envelopes()
            for entry in found:
                entry.address = waiting.get(entry.envelope, entry.address)
        return found

    def tried(self, message):
        """Whether every recipient has been tried."""
        seen = {entry.address for entry in self.deliveries(message.id)}
        return all(rcpt in seen for rcpt in message.rcpts)

    def bounces(self):
        return self.log_file.bounces()

    def forget_retries(self):
        self.resume_routes()
