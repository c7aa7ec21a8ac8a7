# SPDX-License-Identifier: ISC
"""The internet of a world, as a test arranges it: DNS, policy and MX hosts."""
import json
import os
import subprocess
import time

from labkit import certs, paths


def replace(path, text):
    """Servers see the old file or the new one."""
    scratch = f'{path}.new'
    with open(scratch, 'w', encoding='utf-8') as file:
        file.write(text)
    os.rename(scratch, path)


def read_log(name, since=0):
    """Lines that are complete, as dictionaries."""
    try:
        with open(paths.LOG / name, encoding='utf-8') as file:
            text = file.read()
    except FileNotFoundError:
        return []
    lines = text[:text.rfind('\n') + 1].splitlines()
    return [entry for entry in map(json.loads, lines) if entry['t'] >= since]


class Dns:
    """The zone test., kept in memory and reloaded by commit()."""

    def __init__(self):
        self.records = {}
        self.serial = 1
        self.rules = []
        self.signed = []
        self.set('ns.test', 'A', paths.KNOT)

    def set(self, name, kind, *rdata):
        """Replaces a record set; without rdata it vanishes."""
        key = name.lower(), kind
        if rdata:
            # The name as written: it may be in upper case.
            self.records[key] = name, [str(item) for item in rdata]
        else:
            self.records.pop(key, None)

    def commit(self):
        self.serial += 1
        lines = [f'test. 5 SOA ns.test. hostmaster.test. {self.serial} '
                 '3600 600 86400 1', 'test. 5 NS ns.test.']
        for (_, kind), (name, items) in self.records.items():
            lines += [f'{name}. 5 {kind} {item}' for item in items]
        replace('/run/lab/knot/test.zone', '\n'.join(lines) + '\n')
        done = subprocess.run(
            ['knotc', '-b', '-s', '/run/lab/knot/knot.sock', 'zone-reload',
             'test.'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False)
        if done.returncode:
            raise RuntimeError(f'knotc: {done.stdout}')

    def behave(self, name, what, kind='*', **more):
        """Makes the resolver misbehave for a name; see dns_front.py.
        None ends it."""
        self.rules = [rule for rule in self.rules
                      if (rule['name'], rule['type']) != (name, kind)]
        if what:
            self.rules.insert(0, {'name': name, 'type': kind, 'do': what,
                                  **more})
        self._write()

    def sign(self, *zones):
        """Replies for these zones carry the AD bit."""
        self.signed = list(zones)
        self._write()

    def _write(self):
        replace(paths.CONF / 'dns.json',
                json.dumps({'rules': self.rules, 'signed': self.signed}))

    @staticmethod
    def queries_since(mark):
        """All questions, of anybody."""
        return read_log('dns.log', mark)

    def queries(self, name, kind=None, since=0):
        return [entry for entry in self.queries_since(since)
                if entry['name'] == name.lower() and
                kind in (None, entry['type'])]


class Policies:
    """Policy hosts and _mta-sts records."""

    def __init__(self, dns):
        self.dns = dns
        self.bodies = {}
        self.rules = {}
        self.serial = 0
        self.addresses = {}

    def new_id(self):
        self.serial += 1
        return f'{int(time.time())}x{self.serial}'

    def record(self, domain, id_=None):
        """Publishes a record with this id, or a new one; '' removes it."""
        if id_ == '':
            self.dns.set(f'_mta-sts.{domain}', 'TXT')
            return ''
        id_ = id_ or self.new_id()
        self.dns.set(f'_mta-sts.{domain}', 'TXT', f'"v=STSv1; id={id_};"')
        return id_

    @staticmethod
    def text(mode, mx=(), max_age=604800, end='\r\n'):
        lines = ['version: STSv1', f'mode: {mode}']
        lines += [f'mx: {pattern}' for pattern in mx]
        lines += [f'max_age: {max_age}']
        return end.join(lines) + end

    def host(self, *domains, kind='good'):
        """Well-behaved policy hosts, with one certificate."""
        hosts = [f'mta-sts.{domain}' for domain in domains]
        bundle = paths.CERTS / 'host' / f'{kind}-{hosts[0]}.pem'
        certs.issue(bundle, hosts, kind)
        for host in hosts:
            link = paths.CERTS / 'host' / host
            if link.is_symlink():
                link.unlink()
            link.symlink_to(bundle.name)
            self.dns.set(host, 'A', self._address(host))

    def _address(self, host):
        """Of its own, until there are more hosts than addresses: requests to
        one address are paced."""
        if host not in self.addresses:
            count = len(self.addresses) % len(paths.NGINX)
            self.addresses[host] = paths.NGINX[count]
        return self.addresses[host]

    def serve(self, domain, body):
        """What the policy host serves; None: 404."""
        path = paths.WWW / f'mta-sts.{domain}' / 'mta-sts.txt'
        path.parent.mkdir(exist_ok=True)
        if body is None:
            path.unlink(missing_ok=True)
        else:
            replace(path, body)

    def publish(self, domain, mode, mx=(), max_age=604800, id_=None):
        """Record, host, and policy; commit the DNS afterwards."""
        host = f'mta-sts.{domain}'
        if not (paths.CERTS / 'host' / host).is_symlink() or \
                (host, 'A') not in self.dns.records:
            self.host(domain)
        self.serve(domain, self.text(mode, mx, max_age))
        return self.record(domain, id_)

    def inject(self, domain, kind='good', **rule):
        """A policy host that misbehaves; see https_injector.py.  With
        address=... it is only an address."""
        host = f'mta-sts.{domain}'
        if 'address' in rule:
            self.dns.set(host, 'A', rule['address'])
            return
        cert = paths.CERTS / 'host' / f'{kind}-{host}.pem'
        certs.issue(cert, [host], kind)
        self.rules[host] = {'cert': str(cert), **rule}
        replace(paths.CONF / 'https.json', json.dumps(self.rules))
        self.dns.set(host, 'A', paths.HTTPS)

    def requests(self, domain, since=0):
        """What reached the policy host, in order."""
        host = f'mta-sts.{domain}'
        found = [entry for name in ('policy.log', 'https.log')
                 for entry in read_log(name, since) if entry['host'] == host]
        return sorted(found, key=lambda entry: entry['t'])


class MxHosts:
    """MX hosts: each name has an address of its own."""

    def __init__(self, dns):
        self.dns = dns
        self.hosts = {}
        self.addresses = {}

    def add(self, name, what='good', cert='good', cert_name=None, v6=False):
        """Makes a host, or changes what it does; returns its address.
        Its certificate is for cert_name, where that is another name."""
        key = name.lower()
        if what in ('refused', 'unreachable', 'blackhole'):
            address = getattr(paths, what.upper())
            self.dns.set(name, 'A', address)
            return address
        if key not in self.addresses:
            count = len(self.addresses) + 1
            self.addresses[key] = (
                f'{paths.MX_NET}{count}' if count < 126 and not v6
                else f'2001:db8:113::{count:x}')
        address = self.addresses[key]
        subject = (cert_name or name).lower()
        file = paths.CERTS / 'mx' / f'{subject}-{cert}.pem'
        if not file.exists():
            certs.issue(file, [subject], cert)
        self.hosts[address] = {'name': name, 'do': what, 'cert': str(file),
                               'kind': cert}
        replace(paths.CONF / 'mx.json', json.dumps(self.hosts))
        self.dns.set(name, 'AAAA' if ':' in address else 'A', address)
        return address

    def certificate(self, name):
        return self.hosts[self.addresses[name.lower()]]['cert']

    @staticmethod
    def messages(tag=None, since=0):
        """Messages that were accepted anywhere, as log entries."""
        return [entry for entry in read_log('mx.log', since)
                if entry['event'] == 'message' and
                tag in (None, entry['tag'])]

    @staticmethod
    def sessions(since=0):
        """All TCP connections that are over, as the hosts saw them, in the
        order of their beginnings (servers/mx_hosts.py, Session.account)."""
        return sorted(read_log('sessions.log', since),
                      key=lambda entry: entry.get('began', entry['t']))

    @staticmethod
    def all_over(since=0):
        """Whether no connection is open that began after the mark."""
        began = [entry for entry in read_log('mx.log', since)
                 if entry['event'] == 'connect']
        return len(began) == len([entry for entry in
                                  read_log('sessions.log', since)
                                  if entry.get('began', 0) >= since and
                                  entry['what'] != 'refused'])

    @staticmethod
    def connections(name, since=0):
        return [entry for entry in read_log('mx.log', since)
                if entry['event'] == 'connect' and
                entry['name'].lower() == name.lower()]
