/* SPDX-License-Identifier: ISC */
#include "store/outcomes_take.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"

#define DIRECTORY "outcomes"
#define TEMPORARY ".taken" /* no name of a day */

enum { COMPARE_BYTES = 16384 };

struct take {
	int64_t day;
	FILE *out;
	uint64_t bytes;
	struct sts_outcomes_taken *taken;
	char line[STS_OUTCOME_POLICY_LINE_MAX];
};

/* Written anew, so that the file has nothing but lines of ours. */
static bool
put(struct take *t, int64_t time, size_t len)
{
	if (len == 0 || time / STS_DAY != t->day) {
		t->taken->bad++;
		return true;
	}
	t->taken->lines++;
	t->bytes += len;
	return t->bytes <= STS_OUTCOMES_FILE_MAX &&
	    fwrite(t->line, 1, len, t->out) == len;
}

static bool
on_outcome(void *arg, const struct sts_outcome *outcome)
{
	struct take *t = arg;

	return put(t, outcome->time, sts_outcome_format(outcome, t->line));
}

static bool
on_policy(void *arg, const struct sts_outcome_policy *policy)
{
	struct take *t = arg;

	return put(t, policy->time,
	    sts_outcome_format_policy(policy->time, policy->domain,
		policy->fetched, (struct sts_span){policy->text, policy->len},
		t->line));
}

static enum sts_status
copy(struct take *t, int fd)
{
	struct sts_outcomes_reader reader = {on_outcome, on_policy, t, 0};
	bool ended = false;
	enum sts_status status = sts_outcomes_read_fd(fd, &reader, &ended);

	t->taken->bad += reader.ignored;
	if (fflush(t->out) != 0 || ended)
		status = STS_STATE_FULL;
	return status;
}

static bool
are_equal(FILE *a, FILE *b)
{
	char x[COMPARE_BYTES], y[COMPARE_BYTES];
	size_t n;

	do {
		n = fread(x, 1, sizeof(x), a);
		if (fread(y, 1, sizeof(y), b) != n || memcmp(x, y, n) != 0)
			return false;
	} while (n == sizeof(x));
	return ferror(a) == 0 && ferror(b) == 0;
}

static FILE *
open_file(int dir, const char *name)
{
	int fd =
	    openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd >= 0 && file == NULL)
		(void)close(fd);
	return file;
}

static bool
have_same_bytes(int dir, const char *a, const char *b)
{
	FILE *x = open_file(dir, a), *y = open_file(dir, b);
	bool same = x != NULL && y != NULL && are_equal(x, y);

	if (x != NULL)
		(void)fclose(x);
	if (y != NULL)
		(void)fclose(y);
	return same;
}

/* A file of another name with the same bytes. */
static void
find_twin(int dir, const char *day, const char *name, char *twin, size_t size)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *d;

	if (list == NULL && copy >= 0)
		(void)close(copy);
	while (list != NULL && twin[0] == '\0' && (d = readdir(list)) != NULL)
		if (strcmp(d->d_name, name) != 0 &&
		    (strcmp(d->d_name, day) == 0 ||
			sts_outcomes_is_machine(d->d_name, day)) &&
		    have_same_bytes(dir, TEMPORARY, d->d_name))
			(void)snprintf(twin, size, "%s", d->d_name);
	if (list != NULL)
		(void)closedir(list);
}

static enum sts_status
place(int dir, const char *day, const char *machine,
    struct sts_outcomes_taken *taken)
{
	char name[sizeof(taken->twin)];

	(void)snprintf(name, sizeof(name), "%s.%s", day, machine);
	find_twin(dir, day, name, taken->twin, sizeof(taken->twin));
	taken->changed = taken->twin[0] == '\0' && taken->lines > 0 &&
	    !have_same_bytes(dir, TEMPORARY, name);
	if (taken->changed && renameat(dir, TEMPORARY, dir, name) != 0)
		return sts_status_from_errno(errno);
	return STS_OK;
}

static enum sts_status
take_into(int dir, int64_t day, const char *machine, int fd, struct take *t)
{
	char text[STS_DAY_TEXT];
	enum sts_status status;
	int out;

	(void)unlinkat(dir, TEMPORARY, 0);
	out = openat(dir, TEMPORARY,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (out < 0)
		return sts_status_from_errno(errno);
	if (fchmod(out, 0640) != 0 || (t->out = fdopen(out, "w")) == NULL) {
		(void)close(out);
		return STS_NO_MEMORY;
	}
	status = copy(t, fd);
	if (fclose(t->out) != 0 && status == STS_OK)
		status = STS_STATE_FULL;
	sts_outcomes_day_text(day, text);
	if (status == STS_OK)
		status = place(dir, text, machine, t->taken);
	(void)unlinkat(dir, TEMPORARY, 0);
	return status;
}

enum sts_status
sts_outcomes_take(struct sts_store *store, int64_t day, const char *machine,
    int fd, struct sts_outcomes_taken *taken)
{
	struct take *t = calloc(1, sizeof(*t));
	enum sts_status status;
	int dir;

	memset(taken, 0, sizeof(*taken));
	if (t == NULL)
		return STS_NO_MEMORY;
	t->day = day;
	t->taken = taken;
	status = sts_file_make_dir(store, DIRECTORY);
	if (status == STS_OK) {
		dir = openat(store->dir, DIRECTORY,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		status = dir >= 0 ? take_into(dir, day, machine, fd, t)
				  : sts_status_from_errno(errno);
		if (dir >= 0)
			(void)close(dir);
	}
	free(t);
	return status;
}
