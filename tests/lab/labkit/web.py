# SPDX-License-Identifier: ISC
"""Web servers as publishers have them: nginx, Apache and Caddy, from Debian, in
a root of their own, and static hosting (a server that knows nothing of MTA-STS).
Each is in a network of its own, as they listen on every address.

    web.start('nginx', 'd.test', text)    # text: the lines for that server
"""
import os
import pathlib
import socket
import subprocess

from labkit import certs, paths
from labkit.tap import until

UNPACKED = paths.LAB / 'web'
ROOT = paths.LAB / 'web-root'
KINDS = ('nginx', 'apache', 'caddy', 'static')
WWW = pathlib.Path('/var/www')
LIVE = pathlib.Path('/etc/letsencrypt/live')

# What Debian's packages have around the lines of one site.
APACHE = """\
ServerRoot /usr/lib/apache2
ServerName localhost
PidFile /run/apache2.pid
DefaultRuntimeDir /run
ErrorLog /var/log/apache2/error.log
User www-data
Group www-data
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule mime_module modules/mod_mime.so
LoadModule dir_module modules/mod_dir.so
LoadModule ssl_module modules/mod_ssl.so
Listen 80
Listen 443
<Directory />
    Require all denied
</Directory>
TypesConfig /etc/mime.types
Include /etc/apache2/sites-enabled/site.conf
"""
# Its certificates come from the lab's CA.
CADDY = """\
{
    admin off
    skip_install_trust
    local_certs
    pki {
        ca local {
            root {
                cert /etc/lab/ca.pem
                key /etc/lab/ca.key
            }
        }
    }
}
"""
STATIC = """\
import functools, http.server, ssl, sys
host, root, bundle = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler,
                            directory=root)
server = http.server.ThreadingHTTPServer(('', 443), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(bundle)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def address(kind):
    """Where that server is."""
    return f'203.0.113.{194 + 4 * KINDS.index(kind)}'


def folder(domain):
    """Where its files are."""
    return WWW / f'mta-sts.{domain}'


def _mount(*argv):
    subprocess.run(['mount', *map(str, argv)], check=True)


def _make_root():
    if ROOT.exists():
        return
    for name in ('upper', 'work', 'root'):
        (ROOT / name).mkdir(parents=True)
    root = ROOT / 'root'
    _mount('-t', 'overlay', 'overlay', '-o',
           f'lowerdir={UNPACKED},upperdir={ROOT}/upper,workdir={ROOT}/work',
           root)
    for name in ('etc/lab', 'etc/letsencrypt', 'etc/apache2/sites-enabled',
                 'etc/caddy', 'proc', 'dev', 'run', 'var/www', 'var/log/nginx',
                 'var/log/apache2', 'var/lib/nginx', 'var/lib/caddy'):
        (root / name).mkdir(parents=True, exist_ok=True)
    LIVE.mkdir(parents=True, exist_ok=True)
    WWW.mkdir(exist_ok=True)
    for name in ('proc', 'dev', 'var/www', 'etc/letsencrypt'):
        _mount('--bind', f'/{name}', root / name)
    (root / 'etc/passwd').write_text(
        'root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/false\n')
    (root / 'etc/group').write_text('root:x:0:\nwww-data:x:33:\nadm:x:4:\n')
    for name in ('ca.pem', 'ca.key'):
        (root / 'etc/lab' / name).write_bytes((paths.CERTS / name).read_bytes())


def _certificate(domain):
    """As certbot leaves it."""
    live = LIVE / f'mta-sts.{domain}'
    live.mkdir()
    certs.issue(live / 'fullchain.pem', [f'mta-sts.{domain}'])
    (live / 'privkey.pem').write_text(certs.LEAF_KEY.read_text())
    return live / 'fullchain.pem'


def _command(kind, domain, text):
    """Puts the lines where they belong; the command that serves them."""
    root = ROOT / 'root'
    inside = ['chroot', str(root)]
    bundle = _certificate(domain)
    if kind == 'nginx':
        (root / f'etc/nginx/conf.d/mta-sts.{domain}.conf').write_text(text)
        return inside + ['/usr/sbin/nginx', '-g', 'daemon off;']
    if kind == 'apache':
        (root / 'etc/apache2/sites-enabled/site.conf').write_text(text)
        (root / 'etc/apache2/lab.conf').write_text(APACHE)
        return inside + ['/usr/sbin/apache2', '-f', '/etc/apache2/lab.conf',
                         '-DFOREGROUND']
    if kind == 'caddy':
        (root / 'etc/caddy/Caddyfile').write_text(CADDY + text)
        return ['env', 'HOME=/var/lib/caddy', *inside, '/usr/bin/caddy', 'run',
                '--config', '/etc/caddy/Caddyfile']
    script = paths.LAB / 'static.py'
    script.write_text(STATIC)
    return ['/usr/bin/python3', str(script), f'mta-sts.{domain}',
            str(folder(domain)), str(bundle)]


def start(kind, domain, text):
    """Serves that domain's policy with these lines."""
    _make_root()
    command = _command(kind, domain, text)
    here = f'web{KINDS.index(kind)}'
    script = paths.LAB / f'{here}.sh'
    gateway = f'203.0.113.{193 + 4 * KINDS.index(kind)}'
    script.write_text(f"""#!/bin/sh
set -e
until ip link show dev eth0 >/dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip addr add {address(kind)}/30 dev eth0
ip link set eth0 up
ip route add default via {gateway}
exec "$@"
""")
    script.chmod(0o755)
    with open(paths.LOG / f'{here}.log', 'ab') as log:
        process = subprocess.Popen(
            ['unshare', '--net', str(script), *command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    own = os.readlink('/proc/self/ns/net')
    until(lambda: os.readlink(f'/proc/{process.pid}/ns/net') != own, 5, 0.01)
    inside = paths.INSIDE.read_text().split()
    for line in (f'ip link add {here} type veth peer name eth0 netns '
                 f'{process.pid}',
                 f'ip addr add {gateway}/30 dev {here}',
                 f'ip link set {here} up'):
        subprocess.run(inside + line.split(), check=True)
    subprocess.run(inside + ['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward'],
                   check=True)
    if not until(lambda: _is_up(kind), 20):
        raise RuntimeError(f'{kind}: ' +
                           (paths.LOG / f'{here}.log').read_text()[-2000:])
    return process


def _is_up(kind):
    try:
        socket.create_connection((address(kind), 443), 2).close()
        return True
    except OSError:
        return False
