/* SPDX-License-Identifier: ISC */
/* What the libFuzzer targets share. */
#ifndef STS_TESTS_FUZZ_H
#define STS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Something that must hold for any input; a failure is a finding. */
#define REQUIRE(holds)                                                     \
	do {                                                               \
		if (!(holds)) {                                            \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #holds);                                       \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
