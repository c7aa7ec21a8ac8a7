# SPDX-License-Identifier: ISC
"""Starts the servers of the internet's side."""
import os
import socket
import subprocess
import time

from labkit import certs, paths

KNOT_CONF = f"""\
server:
    listen: {paths.KNOT}@53
    user: root:root
    rundir: /run/lab/knot
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: /run/lab/knot/knot.sock
log:
  - target: /run/lab/log/knot.log
    any: info
database:
    storage: /run/lab/knot
zone:
  - domain: test
    file: /run/lab/knot/test.zone
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
"""

LISTEN = ''.join(f'        listen {address}:443 ssl;\n'
                 for address in paths.NGINX)

# The certificate is opened at each handshake, so a policy host appears as
# soon as its files do.
NGINX_CONF = f"""\
daemon off;
master_process on;
worker_processes 1;
user root;
pid /run/lab/nginx/pid;
error_log /run/lab/log/nginx-error.log warn;
events {{ worker_connections 1024; }}
http {{
    log_format lab escape=json
        '{{"t":$msec,"host":"$ssl_server_name","uri":"$request_uri",'
        '"status":$status,"method":"$request_method",'
        '"agent":"$http_user_agent","tls":"$ssl_protocol"}}';
    access_log /run/lab/log/policy.log lab;
    client_body_temp_path /run/lab/nginx/body;
    proxy_temp_path /run/lab/nginx/proxy;
    fastcgi_temp_path /run/lab/nginx/fastcgi;
    uwsgi_temp_path /run/lab/nginx/uwsgi;
    scgi_temp_path /run/lab/nginx/scgi;
    default_type text/plain;
    server {{
{LISTEN}        server_name _;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate /run/lab/certs/host/$ssl_server_name;
        ssl_certificate_key /run/lab/certs/leaf.key;
        location = /.well-known/mta-sts.txt {{
            root /run/lab/www/$ssl_server_name;
            rewrite .* /mta-sts.txt break;
        }}
        location / {{ return 404; }}
    }}
}}
"""

ZONE_START = """\
$ORIGIN test.
@ 5 SOA ns.test. hostmaster.test. 1 3600 600 86400 1
@ 5 NS ns.test.
ns 5 A 198.51.100.54
"""

READY = ((paths.DNS, 53), (paths.KNOT, 53), (paths.NGINX[-1], 443),
         (paths.HTTPS, 443), (paths.MX_NET + '1', 25))


def start(inside):
    """Starts them all; returns processes by name."""
    for name in ('knot', 'nginx'):
        os.makedirs(f'/run/lab/{name}', exist_ok=True)
    for path, text in (('/run/lab/knot/knot.conf', KNOT_CONF),
                       ('/run/lab/knot/test.zone', ZONE_START),
                       ('/run/lab/nginx/nginx.conf', NGINX_CONF)):
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
    for name in ('dns', 'mx', 'https'):
        (paths.CONF / f'{name}.json').write_text('{}')
    certs.issue(paths.CERTS / 'default.pem', ['default.test'])
    python = ['/usr/bin/python3', '-B']
    here = '/run/lab/src/tests/lab/servers/'
    commands = {
        'knot': ['knotd', '-c', '/run/lab/knot/knot.conf'],
        'nginx': ['nginx', '-q', '-c', '/run/lab/nginx/nginx.conf',
                  '-e', '/run/lab/log/nginx-error.log'],
        'dns': python + [here + 'dns_front.py'],
        'mx': python + [here + 'mx_hosts.py'],
        'https': python + [here + 'https_injector.py'],
    }
    children = {}
    for name, argv in commands.items():
        with open(f'/run/lab/log/{name}.err', 'ab') as err:
            children[name] = subprocess.Popen(
                inside + argv, stdin=subprocess.DEVNULL, stdout=err,
                stderr=err, env={**os.environ, 'HOME': '/root'})
    return children


def wait_until_up(seconds=60):
    deadline = time.monotonic() + seconds
    for address, port in READY:
        while True:
            try:
                socket.create_connection((address, port), 2).close()
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise SystemExit(
                        f'world: {address}:{port} is not up: {error}; see '
                        '/run/lab/log') from error
                time.sleep(0.02)
