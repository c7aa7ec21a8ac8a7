/* SPDX-License-Identifier: ISC */
#include "fetcher/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "base/cursor.h"
#include "base/fault.h"
#include "base/readfile.h"
#include "base/safe_path.h"

enum { HOPS_MAX = 4, PATHS_MAX = 40 };

struct sts_trust {
	const char *ca_file, *ca_path;
	X509_STORE *bundle;  /* of the file; NULL: not loaded */
	struct stat version; /* of that file */
	char *sample;
};

struct sts_trust *
sts_trust_create(const char *ca_file, const char *ca_path)
{
	struct sts_trust *trust = calloc(1, sizeof(*trust));

	if (trust != NULL) {
		trust->ca_file = ca_file;
		trust->ca_path = ca_path;
	}
	return trust;
}

static void
forget(struct sts_trust *trust)
{
	X509_STORE_free(trust->bundle);
	trust->bundle = NULL;
}

void
sts_trust_destroy(struct sts_trust *trust)
{
	if (trust == NULL)
		return;
	forget(trust);
	free(trust->sample);
	free(trust);
}

const char *
sts_trust_sample(const struct sts_trust *trust)
{
	return trust->sample;
}

/* A lack of descriptors is not the operator's mistake. */
static enum sts_status
unusable(int error)
{
	enum sts_status fault = sts_fault_traffic(error);

	return fault != STS_OK ? fault : STS_CA_UNUSABLE;
}

/* For libcurl, which needs some root: see set_tls in transfer.c. */
static enum sts_status
keep_sample(struct sts_trust *trust, X509 *root)
{
	BIO *pem = BIO_new(BIO_s_mem());
	char *text, *copy = NULL;
	long len;

	if (pem != NULL && PEM_write_bio_X509(pem, root) &&
	    (len = BIO_get_mem_data(pem, &text)) > 0)
		copy = strndup(text, (size_t)len);
	BIO_free(pem);
	if (copy == NULL)
		return STS_NO_MEMORY;
	free(trust->sample);
	trust->sample = copy;
	return STS_OK;
}

static enum sts_status
add_directory(X509_STORE *store, const char *path)
{
	enum sts_status status =
	    X509_STORE_load_path(store, path) ? STS_OK : STS_NO_MEMORY;

	ERR_clear_error();
	return status;
}

/* A bundle: one file with at least one certificate in it. */

/*
 * OpenSSL says only that it could not load a file; opening it first gives the
 * reason.  Non-blocking, in case it is a named pipe.
 */
static enum sts_status
read_version(const char *file, struct stat *st)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum sts_status status;

	if (fd < 0)
		return unusable(errno);
	status = fstat(fd, st) == 0 && S_ISREG(st->st_mode) ? STS_OK
							    : STS_CA_UNUSABLE;
	close(fd);
	return status;
}

/* A file may contain only revocation lists. */
static X509 *
first_certificate(const X509_STORE *store)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *root =
		    X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

		if (root != NULL)
			return root;
	}
	return NULL;
}

/*
 * If both are configured, the cached store reads the directory, too, and so
 * keeps a root that was used and then removed, until the file changes.
 */
static enum sts_status
load_bundle(struct sts_trust *trust, const char *file, const char *path)
{
	struct stat version;
	enum sts_status status = read_version(file, &version);
	X509 *root;

	if (status != STS_OK)
		goto out;
	if (trust->bundle != NULL &&
	    sts_is_same_version(&version, &trust->version))
		return STS_OK;
	forget(trust);
	if ((trust->bundle = X509_STORE_new()) == NULL) {
		status = STS_NO_MEMORY;
		goto out;
	}
	errno = 0;
	if (!X509_STORE_load_file(trust->bundle, file))
		status = unusable(errno);
	else if ((root = first_certificate(trust->bundle)) == NULL)
		status = STS_CA_UNUSABLE;
	else
		status = keep_sample(trust, root);
	if (status == STS_OK && path != NULL)
		status = add_directory(trust->bundle, path);
	trust->version = version;
out:
	if (status != STS_OK)
		forget(trust);
	ERR_clear_error();
	return status;
}

/* A directory: at least one hashed entry that is a certificate. */

bool
sts_trust_is_hash_name(const char *name)
{
	size_t hash = strspn(name, "0123456789abcdef");
	size_t number =
	    hash == 8 && name[8] == '.' ? strspn(name + 9, "0123456789") : 0;

	return number > 0 && name[9 + number] == '\0';
}

/* Hashed names are links, some of which may dangle after an upgrade. */
static X509 *
read_certificate(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	X509 *root = NULL;
	BIO *bio;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (bio = BIO_new_fd(fd, BIO_NOCLOSE)) == NULL) {
		close(fd);
		return NULL;
	}
	/* As in OpenSSL's own directory lookup. */
	root = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
	BIO_free(bio);
	close(fd);
	return root;
}

/* STS_OK, with a sample, if at least one entry can be read. */
static enum sts_status
scan(struct sts_trust *trust, const char *path)
{
	DIR *dir = opendir(path);
	enum sts_status status;
	struct dirent *entry;
	X509 *root = NULL;

	if (dir == NULL)
		return unusable(errno);
	errno = 0;
	while (root == NULL && (entry = readdir(dir)) != NULL) {
		if (sts_trust_is_hash_name(entry->d_name))
			root = read_certificate(dirfd(dir), entry->d_name);
	}
	status = root != NULL ? keep_sample(trust, root) : unusable(errno);
	X509_free(root);
	closedir(dir);
	ERR_clear_error();
	return status;
}

/*
 * A store that reads the directory as needed caches what it read; each fetch
 * gets a new one, so that a removed root is no longer trusted.
 */
static enum sts_status
directory_store(struct sts_trust *trust, const char *path, X509_STORE **out)
{
	enum sts_status status = scan(trust, path);

	if (status != STS_OK)
		return status;
	if ((*out = X509_STORE_new()) == NULL)
		return STS_NO_MEMORY;
	if ((status = add_directory(*out, path)) != STS_OK) {
		X509_STORE_free(*out);
		*out = NULL;
	}
	return status;
}

/* All fetches share the bundle; each has a reference. */
static enum sts_status
bundle_store(struct sts_trust *trust, const char *file, const char *path,
    X509_STORE **out)
{
	enum sts_status status = load_bundle(trust, file, path);

	if (status == STS_OK && X509_STORE_up_ref(trust->bundle))
		*out = trust->bundle;
	return status;
}

enum sts_status
sts_trust_get(struct sts_trust *trust, X509_STORE **store)
{
	const char *file = trust->ca_file, *path = trust->ca_path;
	enum sts_status status;

	*store = NULL;
	if ((file != NULL && !sts_path_is_safe(file, NULL)) ||
	    (path != NULL && !sts_path_is_safe(path, NULL)))
		return STS_UNSAFE_FILE;
	if (file != NULL && path != NULL &&
	    (status = scan(trust, path)) != STS_OK)
		return status;
	if (file != NULL)
		return bundle_store(trust, file, path, store);
	if (path != NULL)
		return directory_store(trust, path, store);
	/* The environment (SSL_CERT_DIR, SSL_CERT_FILE) is ignored. */
	status = directory_store(trust, X509_get_default_cert_dir(), store);
	if (status == STS_CA_UNUSABLE)
		status = bundle_store(
		    trust, X509_get_default_cert_file(), NULL, store);
	return status;
}

/* What is read of files, for the sandbox. */

/* Of the distributions, and what else OpenSSL reads. */
static const char *const usual[] = {"/etc/ssl", "/etc/pki",
    "/etc/ca-certificates", "/etc/crypto-policies",
    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
    "/usr/share/pki", "/usr/share/ssl", "/usr/lib/ssl", "/dev/urandom",
    "/dev/null"};

static void
add_path(struct sts_names *paths, const char *path)
{
	for (size_t i = 0; i < paths->count; i++) {
		if (strcmp(paths->name[i], path) == 0)
			return;
	}
	if (paths->count < PATHS_MAX)
		(void)sts_names_add(paths, path);
}

/* Adds the directory of an absolute path. */
static void
add_parent(struct sts_names *paths, char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return;
	*slash = '\0';
	add_path(paths, path);
}

/*
 * Follows a link of the directory while it stays in there, one system call for
 * each step, since there are usually hundreds.
 */
static void
follow(
    struct sts_names *paths, int dir, const char *directory, const char *first)
{
	char name[PATH_MAX], target[PATH_MAX], path[PATH_MAX];

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
	if (target[0] == '/')
		add_parent(paths, target);
	/* "../there/root.pem" */
	else if (snprintf(path, sizeof(path), "%s/%s", directory, target) <
	    (int)sizeof(path))
		add_parent(paths, path);
}

static void
add_hashed(struct sts_names *paths, const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	add_path(paths, path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (sts_trust_is_hash_name(entry->d_name))
			follow(paths, dirfd(dir), path, entry->d_name);
	}
	closedir(dir);
}

void
sts_trust_paths(
    struct sts_names *paths, const char *ca_file, const char *ca_path)
{
	if (ca_file != NULL)
		add_path(paths, ca_file);
	if (ca_path != NULL)
		add_hashed(paths, ca_path);
	if (ca_file == NULL && ca_path == NULL) {
		add_path(paths, X509_get_default_cert_file());
		add_hashed(paths, X509_get_default_cert_dir());
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		add_path(paths, usual[i]);
}
