/* SPDX-License-Identifier: ISC */
/*
 * A policy host for benches, of any name: https_policies PORT CA-FILE.
 *
 * Writes the certificate of an authority of its own to CA-FILE, takes 127.0.0.1
 * and PORT, prints it (0: any), and ends with its standard input.  Each name
 * that a client asks for gets a certificate of its own; each request gets the
 * same policy.  A few processes, one connection each at a time.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { PROCESSES = 16, DAY = 86400 };

static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 77\r\n"
    "Connection: close\r\n\r\n"
    "version: STSv1\nmode: enforce\nmx: mx1.example\nmx: *.mx.example\n"
    "max_age: 86400\n";

static EVP_PKEY *authority_key, *host_key;
static X509_NAME *authority_name;

static bool
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool good = e != NULL && X509_add_ext(cert, e, -1) == 1;

	X509_EXTENSION_free(e);
	return good;
}

/* Signed by the authority; NULL on failure. */
static X509 *
make_cert(const char *name, EVP_PKEY *key, int nid, const char *extension)
{
	static long serial = 1;
	X509_NAME *subject = X509_NAME_new();
	X509 *cert = X509_new();

	X509_NAME_add_entry_by_txt(
	    subject, "O", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(
	    X509_get_serialNumber(cert), (long)getpid() << 20 | serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(cert), DAY);
	X509_set_subject_name(cert, subject);
	X509_set_issuer_name(
	    cert, authority_name != NULL ? authority_name : subject);
	X509_set_pubkey(cert, key);
	if (!add_extension(cert, nid, extension) ||
	    X509_sign(cert, authority_key, EVP_sha256()) == 0) {
		X509_free(cert);
		cert = NULL;
	}
	X509_NAME_free(subject);
	return cert;
}

static bool
make_authority(const char *path)
{
	FILE *file = fopen(path, "w");
	bool good;
	X509 *cert;

	authority_key = EVP_EC_gen("P-256");
	host_key = EVP_EC_gen("P-256");
	cert = make_cert("benches", authority_key, NID_basic_constraints,
	    "critical,CA:TRUE");
	if (file == NULL || cert == NULL)
		return false;
	authority_name = X509_NAME_dup(X509_get_subject_name(cert));
	good = PEM_write_X509(file, cert) == 1;
	X509_free(cert);
	return fclose(file) == 0 && good;
}

static int
choose_cert(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	char extension[400];
	X509 *cert;
	bool good;

	(void)alert;
	(void)arg;
	if (name == NULL)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	(void)snprintf(extension, sizeof(extension), "DNS:%s", name);
	cert = make_cert("host", host_key, NID_subject_alt_name, extension);
	good = cert != NULL && SSL_use_certificate(ssl, cert) == 1 &&
	    SSL_use_PrivateKey(ssl, host_key) == 1;
	X509_free(cert);
	return good ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void
serve(SSL_CTX *context, int fd)
{
	struct timeval limit = {5, 0};
	int on = 1;
	SSL *ssl = SSL_new(context);
	char request[4096];

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 &&
	    SSL_read(ssl, request, sizeof(request)) > 0 &&
	    SSL_write(ssl, response, sizeof(response) - 1) > 0)
		(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

static _Noreturn void
serve_all(SSL_CTX *context, int listener)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			serve(context, fd);
	}
}

static int
listen_at(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return -1;
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int
main(int argc, char **argv)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	char end[16];
	int fd;

	if (argc != 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	SSL_CTX_set_tlsext_servername_callback(context, choose_cert);
	SSL_CTX_set_num_tickets(context, 0);
	if (!make_authority(argv[2]) || (fd = listen_at(atoi(argv[1]))) < 0)
		return 1;
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0)
			serve_all(context, fd);
	}
	return read(STDIN_FILENO, end, sizeof(end)) < 0;
}
