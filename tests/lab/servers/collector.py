# SPDX-License-Identifier: ISC
"""Where TLS reports are posted to: takes them all, unless conf/collector.json
says otherwise for a path:

    {"/down": {"status": 503, "headers": {"Retry-After": "1"}}}

Each request is a line of log/collector.log, with its body in base64.

    collector.py CERTIFICATE
"""
import base64
import http.server
import ssl
import sys

from common import Log, Settings

ADDRESS = '198.51.100.84'
BODY_MAX = 4 * 1024 * 1024

settings = Settings('collector.json')
log = Log('collector.log')


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 30

    def answer(self):
        rule = settings.get().get(self.path, {})
        length = min(int(self.headers.get('Content-Length', 0)), BODY_MAX)
        body = self.rfile.read(length)
        log.write(method=self.command, path=self.path,
                  host=self.headers.get('Host'),
                  type=self.headers.get('Content-Type'),
                  encoding=self.headers.get('Content-Encoding'),
                  body=base64.b64encode(body).decode())
        self.send_response(rule.get('status', 200))
        for name, value in rule.get('headers', {}).items():
            self.send_header(name, value)
        self.send_header('Content-Length', '0')
        self.end_headers()

    do_GET = do_PUT = do_POST = answer

    def log_message(self, *_words):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__((ADDRESS, 443), Handler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(sys.argv[1])

    def finish_request(self, request, client_address):
        """In a thread of its own, the handshake too."""
        try:
            with self.context.wrap_socket(request, server_side=True) as tls:
                super().finish_request(tls, client_address)
        except OSError as error:
            log.write(method=None, error=str(error))


Server().serve_forever()
