/* SPDX-License-Identifier: ISC */
#include "fetcher/roots.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "fetcher/trust.h"

enum { HOPS_MAX = 4 };

/* Of the distributions, and what else OpenSSL reads. */
static const char *const usual[] = {"/etc/ssl", "/etc/pki",
    "/etc/ca-certificates", "/etc/crypto-policies",
    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
    "/usr/share/pki", "/usr/share/ssl", "/usr/lib/ssl", "/dev/urandom",
    "/dev/null"};

static void
add(struct sts_roots *roots, const char *path)
{
	char *copy;

	for (size_t i = 0; i < roots->count; i++) {
		if (strcmp(roots->path[i], path) == 0)
			return;
	}
	if (roots->count < STS_ROOTS_MAX && (copy = strdup(path)) != NULL)
		roots->path[roots->count++] = copy;
}

/* Adds the directory of an absolute path. */
static void
add_parent(struct sts_roots *roots, char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return;
	*slash = '\0';
	add(roots, path);
}

/*
 * Follows a link of the directory while it stays in there, one system call for
 * each step, since there are usually hundreds.
 */
static void
follow(
    struct sts_roots *roots, int dir, const char *directory, const char *first)
{
	char name[PATH_MAX], target[PATH_MAX];

	if (strlcpy(name, first, sizeof(name)) >= sizeof(name))
		return;
	for (int hop = 0; hop < HOPS_MAX; hop++) {
		ssize_t len = readlinkat(dir, name, target, sizeof(target) - 1);

		if (len < 0)
			return; /* a file of this directory, or missing */
		target[len] = '\0';
		if (strchr(target, '/') != NULL)
			break;
		memcpy(name, target, (size_t)len + 1);
	}
	if (target[0] != '/') {
		/* "../there/root.pem" */
		char path[PATH_MAX];

		if (strlcpy(path, directory, sizeof(path)) >= sizeof(path) ||
		    strlcat(path, "/", sizeof(path)) >= sizeof(path) ||
		    strlcat(path, target, sizeof(path)) >= sizeof(path))
			return;
		memcpy(target, path, sizeof(target));
	}
	add_parent(roots, target);
}

static void
add_directory(struct sts_roots *roots, const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	add(roots, path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (sts_trust_is_hash_name(entry->d_name))
			follow(roots, dirfd(dir), path, entry->d_name);
	}
	closedir(dir);
}

void
sts_roots_find(
    struct sts_roots *roots, const char *ca_file, const char *ca_path)
{
	roots->count = 0;
	if (ca_file != NULL)
		add(roots, ca_file);
	if (ca_path != NULL)
		add_directory(roots, ca_path);
	if (ca_file == NULL && ca_path == NULL) {
		add(roots, X509_get_default_cert_file());
		add_directory(roots, X509_get_default_cert_dir());
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		add(roots, usual[i]);
}

void
sts_roots_free(struct sts_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++)
		free(roots->path[i]);
	roots->count = 0;
}
