/* SPDX-License-Identifier: ISC */
/* What this process may take of the machine. */
#ifndef STS_BASE_LIMITS_H
#define STS_BASE_LIMITS_H

#include <sys/resource.h>

/* STS_SANITIZED: a build with a sanitizer that keeps shadow memory. */
#ifdef STS_SANITIZED
/* by the makefile, which knows the flags */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define STS_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STS_SANITIZED
#endif

/* RLIMIT_... */
#ifdef __GLIBC__
typedef __rlimit_resource_t sts_rlimit;
#else
typedef int sts_rlimit;
#endif

/* Lowers soft and hard limit, but never raises one. */
void sts_limit_lower(sts_rlimit resource, rlim_t most);

/*
 * Lowers what this process may allocate to that many MiB: what needs more gets
 * no memory.  A sanitizer's shadow counts, too, so there it does nothing.
 */
void sts_limit_memory(unsigned mib);

#endif
