/* SPDX-License-Identifier: ISC */
/*
 * mta-sts-fetcher: HTTPS and STARTTLS for mta-sts-resolver, which starts it.
 * See mta-sts-fetcher(8).
 *
 * Order matters: first everything is read or opened that libraries read or open
 * once, then the process confines itself, then it reads the first request.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "fetcher/multi.h"
#include "fetcher/sandbox.h"
#include "fetcher/fetcher_serve.h"
#include "fetcher/trust.h"

enum { EXIT_USAGE = 2, EXIT_FAULT = 3 };

static int
usage(FILE *to, int status)
{
	fprintf(to,
	    "usage: mta-sts-fetcher [--ca-file FILE] [--ca-path DIRECTORY]\n"
	    "           [--port PORT] [--mx-port PORT] [--plain-port PORT]\n"
	    "           [--check]\n"
	    "Fetches policies and probes MX hosts for mta-sts-resolver, which\n"
	    "starts it.  See mta-sts-fetcher(8).\n");
	return status;
}

static bool
parse_port(const char *text, uint16_t *port)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || number < 1 ||
	    number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

/* Parses one option with its value; false: unknown. */
static bool
parse_option(struct sts_server_spec *spec, const char *name, const char *value)
{
	if (strcmp(name, "--ca-file") == 0 && value[0] == '/')
		spec->ca_file = value;
	else if (strcmp(name, "--ca-path") == 0 && value[0] == '/')
		spec->ca_path = value;
	else if (strcmp(name, "--port") == 0)
		return parse_port(value, &spec->port);
	else if (strcmp(name, "--mx-port") == 0)
		return parse_port(value, &spec->mx_port);
	else if (strcmp(name, "--plain-port") == 0)
		return parse_port(value, &spec->plain_port);
	else
		return false;
	return true;
}

/* Returns -1 to continue, else the exit status. */
static int
parse_arguments(
    int argc, char **argv, struct sts_server_spec *spec, bool *check)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return usage(stdout, 0);
		if (strcmp(argv[i], "--version") == 0) {
			printf("mta-sts-fetcher %s\n", STS_VERSION);
			return 0;
		}
		if (strcmp(argv[i], "--check") == 0)
			*check = true;
		else if (i + 1 < argc &&
		    parse_option(spec, argv[i], argv[i + 1]))
			i++;
		else
			return usage(stderr, EXIT_USAGE);
	}
	return -1;
}

/* Loads configuration, providers and random numbers of OpenSSL. */
static void
prepare_openssl(void)
{
	unsigned char byte;

	(void)OPENSSL_init_ssl(
	    OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
	(void)RAND_bytes(&byte, 1);
}

static void
confine(const struct sts_server_spec *spec, struct sts_wire_hello *hello)
{
	struct sts_sandbox_spec sandbox = {
	    .ports = {spec->port, spec->mx_port, spec->plain_port}};

	sts_trust_paths(&sandbox.paths, spec->ca_file, spec->ca_path);
	sts_sandbox_enter(&sandbox, hello->sandbox, sizeof(hello->sandbox));
	sts_names_free(&sandbox.paths);
}

int
main(int argc, char **argv)
{
	struct sts_server_spec spec = {.port = 443,
	    .mx_port = 25,
	    .in = STDIN_FILENO,
	    .out = STDOUT_FILENO};
	struct sts_wire_hello hello = {.status = STS_OK};
	struct sts_server *server = NULL;
	enum sts_status status;
	bool check = false;
	int result = parse_arguments(argc, argv, &spec, &check);

	if (result >= 0)
		return result;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)umask(077);
	prepare_openssl();
	hello.status = sts_multi_check(hello.detail, sizeof(hello.detail));
	status = sts_server_create(&server, &spec);
	if (status != STS_OK)
		hello.status = status;
	confine(&spec, &hello);
	if (check || server == NULL) {
		char line[STS_WIRE_REPLY_MAX];

		(void)sts_wire_write_hello(&hello, line);
		(void)fputs(line, stdout);
		(void)fflush(stdout);
		return hello.status == STS_OK ? 0 : EXIT_FAULT;
	}
	status = sts_server_run(server, &hello);
	/* No clean-up: pending requests have no reader any more. */
	_exit(status == STS_OK ? 0 : EXIT_FAULT);
}
