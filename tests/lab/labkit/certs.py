# SPDX-License-Identifier: ISC
"""Certificates, made anew in each world by openssl(1)."""
import subprocess

from labkit.paths import CA, CERTS

LEAF_KEY = CERTS / 'leaf.key'
KINDS = ('good', 'expired', 'selfsigned', 'untrusted', 'wrongname', 'cnonly',
         'wildcard', 'partial', 'partialexact', 'several', 'clientauth',
         'email', 'chain', 'chainless', 'leafissued')


def _openssl(*argv, text=None):
    done = subprocess.run(['openssl', *map(str, argv)], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    if done.returncode:
        raise RuntimeError(f'openssl {argv}: {done.stderr}')
    return done.stdout


def _key(path):
    _openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout',
             '-out', path)


def _authority(stem, name):
    _key(CERTS / f'{stem}.key')
    _openssl('req', '-x509', '-new', '-key', CERTS / f'{stem}.key',
             '-subj', f'/CN={name}', '-days', 3650,
             '-addext', 'basicConstraints=critical,CA:TRUE',
             '-addext', 'keyUsage=critical,keyCertSign',
             '-out', CERTS / f'{stem}.pem')


def _intermediate():
    """A CA below the trusted one; returns its file's stem."""
    path = CERTS / 'intermediate.pem'
    if not path.exists():
        _key(path.with_suffix('.key'))
        _openssl('req', '-new', '-key', path.with_suffix('.key'),
                 '-subj', '/CN=Lab Intermediate CA', '-days', 30,
                 '-addext', 'basicConstraints=critical,CA:TRUE',
                 '-addext', 'keyUsage=critical,keyCertSign',
                 '-CA', CA, '-CAkey', CERTS / 'ca.key', '-out', path)
    return path.stem


def _leaf():
    """A good certificate of another's host, used as if it were a CA."""
    path = CERTS / 'mallory.pem'
    if not path.exists():
        issue(path, ['mx.mallory.test'])
        path.with_suffix('.key').write_text(LEAF_KEY.read_text())
    return path.stem


def make_authority():
    CERTS.mkdir(parents=True, exist_ok=True)
    _authority('ca', 'Lab Test CA')
    _authority('stranger', 'A CA that nobody trusts')
    _key(LEAF_KEY)
    for directory in ('mx', 'host'):
        (CERTS / directory).mkdir(exist_ok=True)


def _expired(out, subject, san):
    """openssl req makes no certificate of the past; openssl ca does."""
    stem = str(out)
    extensions = f'[e]\nsubjectAltName={san}\n'
    with open(stem + '.cnf', 'w', encoding='ascii') as file:
        file.write(f'[ca]\ndefault_ca=d\n[d]\ndatabase={stem}.index\n'
                   f'rand_serial=yes\nnew_certs_dir={CERTS}\n'
                   'default_md=sha256\npolicy=p\nunique_subject=no\n'
                   f'[p]\ncommonName=supplied\n{extensions}')
    open(stem + '.index', 'w', encoding='ascii').close()
    _openssl('req', '-new', '-key', LEAF_KEY, '-subj', subject,
             '-out', stem + '.csr')
    _openssl('ca', '-batch', '-notext', '-config', stem + '.cnf',
             '-extensions', 'e', '-cert', CA, '-keyfile', CERTS / 'ca.key',
             '-startdate', '20240101000000Z', '-enddate', '20240201000000Z',
             '-in', stem + '.csr', '-out', out)


def issue(out, names, kind='good'):
    """Writes a certificate and its key, in this order, to `out`."""
    first = names[0]
    san = ','.join(f'DNS:{name}' for name in names)
    subject = f'/CN={first[:60]}'
    authority = 'ca'
    if kind == 'wrongname':
        san, subject = 'DNS:other.example', '/CN=other.example'
    elif kind == 'wildcard':
        san = 'DNS:*.' + first.split('.', 1)[1]
    elif kind == 'partial':
        san = f'DNS:*{first[1:]}'  # *x.d.test for mx.d.test
    elif kind == 'partialexact':
        san = f'DNS:*{first[1:]},DNS:{first}'
    elif kind == 'several':
        san = f'DNS:other.example,email:a@b.example,DNS:{first.upper()}'
    elif kind == 'cnonly':
        san = None
    elif kind == 'email':
        san = 'email:postmaster@' + first
    elif kind == 'untrusted':
        authority = 'stranger'
    elif kind in ('chain', 'chainless'):
        authority = _intermediate()
    elif kind == 'leafissued':
        authority = _leaf()
    elif kind not in ('good', 'expired', 'selfsigned', 'clientauth'):
        raise ValueError(kind)
    if kind == 'expired':
        _expired(out, subject, san)
    else:
        argv = ['req', '-new', '-key', LEAF_KEY, '-subj', subject,
                '-days', 30, '-addext', 'basicConstraints=CA:FALSE',
                '-out', out]
        if san:
            argv += ['-addext', f'subjectAltName={san}']
        if kind == 'clientauth':
            argv += ['-addext', 'extendedKeyUsage=clientAuth']
        if kind == 'selfsigned':
            argv += ['-x509']
        else:
            argv += ['-CA', CERTS / f'{authority}.pem',
                     '-CAkey', CERTS / f'{authority}.key']
        _openssl(*argv)
    with open(out, 'a', encoding='ascii') as file:
        if kind in ('chain', 'leafissued'):
            file.write((CERTS / f'{authority}.pem').read_text())
        file.write(LEAF_KEY.read_text())
    return out


def spki_sha256(path):
    """What a TLSA record 3 1 1 of this certificate holds."""
    public = _openssl('x509', '-in', path, '-noout', '-pubkey')
    done = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'],
                          input=public.encode(), stdout=subprocess.PIPE,
                          check=True)
    digest = subprocess.run(['openssl', 'dgst', '-sha256', '-r'],
                            input=done.stdout, stdout=subprocess.PIPE,
                            check=True)
    return digest.stdout.decode().split()[0]
