/* SPDX-License-Identifier: ISC */
/*
 * Trust roots: the configured ca-file and ca-path, else OpenSSL's default
 * directory if it is hashed, else its default bundle file.
 *
 * Nothing is read before the first request.  A bundle (tens of milliseconds) is
 * then cached until the file changes; a directory is read as needed.
 */
#ifndef STS_FETCHER_TRUST_H
#define STS_FETCHER_TRUST_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/names.h"
#include "base/status.h"

struct sts_trust;

/*
 * Uses ca-file and ca-path, NULL if not configured; both must outlive it.
 * NULL: no memory.
 */
struct sts_trust *sts_trust_create(const char *ca_file, const char *ca_path);
void sts_trust_destroy(struct sts_trust *trust); /* NULL is allowed */

/*
 * The current store, with a reference that the caller frees with
 * X509_STORE_free.  STS_CA_UNUSABLE if a configured source, or every default
 * one, is missing, unreadable or without certificates; STS_NO_DESCRIPTORS,
 * STS_NO_MEMORY.
 */
enum sts_status sts_trust_get(struct sts_trust *trust, X509_STORE **store);

/* One of the roots as PEM, after a successful sts_trust_get. */
const char *sts_trust_sample(const struct sts_trust *trust);

/*
 * Adds the files and directories of the configured sources, or of OpenSSL's
 * defaults, the directories that the links of a hashed directory lead to, and
 * those of the distributions: at most 40, and none for which there is no
 * memory.
 */
void sts_trust_paths(
    struct sts_names *paths, const char *ca_file, const char *ca_path);

/* True for the name of a hashed entry: eight hex digits, ".", digits. */
bool sts_trust_is_hash_name(const char *name);

#endif
