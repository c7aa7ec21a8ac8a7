# SPDX-License-Identifier: ISC
"""Certificates for tests, made by the openssl command and never kept."""
import os
import subprocess

PAST, BEFORE = "20200101000000Z", "20200201000000Z"
AFTER, FUTURE = "20980101000000Z", "20990101000000Z"

CONFIG = """
[ca]
default_ca = here
[here]
dir = {dir}
database = {dir}/index.txt
new_certs_dir = {dir}
rand_serial = yes
default_md = sha256
policy = anything
unique_subject = no
email_in_dn = no
[anything]
commonName = optional
[req]
distinguished_name = nothing
[nothing]
"""


def openssl(*args):
    subprocess.run(["openssl", *args], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """A root of its own, in a directory of its own below `parent`."""

    def __init__(self, parent, name, issuer=None):
        self.dir = os.path.join(parent, name)
        os.mkdir(self.dir)
        self.config = self.path("openssl.cnf")
        self.key = self.path("ca.key")
        self.cert = self.path("ca.pem")
        self.chain = [] if issuer is None else [self.cert]
        with open(self.config, "w", encoding="ascii") as out:
            out.write(CONFIG.format(dir=self.dir))
        with open(self.path("index.txt"), "w", encoding="ascii"):
            pass
        self.made = 0
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-out", self.key)
        extensions = "basicConstraints=critical,CA:true"
        if issuer is None:
            openssl("req", "-new", "-x509", "-config", self.config, "-key",
                    self.key, "-subj", f"/CN=Test {name}", "-days", "30",
                    "-addext", extensions, "-out", self.cert)
        else:
            made = issuer.issue(f"Test {name}", extensions, key=self.key)[0]
            os.rename(made, self.cert)

    def path(self, name):
        return os.path.join(self.dir, name)

    def issue(self, common_name, extensions, begin=PAST, end=FUTURE,
              key=None, chain=True, self_signed=False):
        """(certificate with its chain, key) as file names."""
        self.made += 1
        base = self.path(f"leaf{self.made}")
        if key is None:
            key = self.path("leaf.key")
            if not os.path.exists(key):
                openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-out", key)
        with open(base + ".ext", "w", encoding="ascii") as out:
            out.write(extensions.replace(";", "\n") + "\n")
        openssl("req", "-new", "-config", self.config, "-key", key, "-subj",
                f"/CN={common_name}", "-out", base + ".csr")
        signer = (["-selfsign", "-keyfile", key] if self_signed else
                  ["-cert", self.cert, "-keyfile", self.key])
        openssl("ca", "-batch", "-notext", "-config", self.config, *signer,
                "-startdate", begin, "-enddate", end, "-extfile",
                base + ".ext", "-in", base + ".csr", "-out", base + ".pem")
        with open(base + ".pem", "a", encoding="ascii") as out:
            for name in self.chain if chain else []:
                with open(name, encoding="ascii") as issuer:
                    out.write(issuer.read())
        return base + ".pem", key
