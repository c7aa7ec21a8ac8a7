/* SPDX-License-Identifier: ISC */
/*
 * Reports on their way, as files: what is written is read back, what is damaged
 * or not the owner's is not read, root writes nothing; the list of destinations
 * that refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/outcomes.h"
#include "store/reports.h"
#include "tests/unit/lib/tap.h"

enum { DAY = 20000 }; /* 2024-10-04 */

static char dir[] = "/tmp/mta-sts-reports.XXXXXX";
static struct sts_store *store;
static char packed[] = "any\0bytes\n\xff";

static struct sts_report_job
example(const char *domain)
{
	struct sts_report_job job = {.day = DAY,
	    .id = "2024-10-04-0123",
	    .count = 2,
	    .packed = packed,
	    .packed_len = sizeof(packed)};

	snprintf(job.domain, sizeof(job.domain), "%s", domain);
	job.to[0] = (struct sts_delivery){.uri = "mailto:a@a.test",
	    .state = STS_DELIVERY_SENDING,
	    .attempts = 2,
	    .next = 1728086400,
	    .until = 1728172800,
	    .reason = "http-500"};
	job.to[1] = (struct sts_delivery){
	    .uri = "https://a.test/?q=%2C", .state = STS_DELIVERY_PENDING};
	return job;
}

static const char *
path_of(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/reports/%s", dir, name);
	return path;
}

static enum sts_status
read_one(const char *domain)
{
	struct sts_report_job job;
	enum sts_status status = sts_reports_read(store, DAY, domain, &job);

	if (status == STS_OK)
		sts_report_job_free(&job);
	return status;
}

static void
test_round_trip(void)
{
	struct sts_report_job job = example("a.test"), got;
	struct stat st;

	is_int(read_one("a.test"), STS_NOT_FOUND, "no report yet");
	is_int(sts_reports_write(store, &job), STS_OK, "a report is written");
	is_int(
	    sts_reports_read(store, DAY, "a.test", &got), STS_OK, "and read");
	ok(got.day == DAY && strcmp(got.domain, "a.test") == 0 &&
		strcmp(got.id, job.id) == 0 && got.count == 2,
	    "whose it is");
	ok(got.packed_len == sizeof(packed) &&
		memcmp(got.packed, packed, sizeof(packed)) == 0,
	    "the report, whatever its bytes");
	ok(memcmp(&got.to[0], &job.to[0], sizeof(got.to[0])) == 0 &&
		memcmp(&got.to[1], &job.to[1], sizeof(got.to[1])) == 0,
	    "its destinations and their states");
	sts_report_job_free(&got);
	ok(stat(path_of("2024-10-04/a.test"), &st) == 0 &&
		(st.st_mode & 07777) == 0640,
	    "a file that others cannot read");
	ok(stat(path_of("2024-10-04"), &st) == 0 &&
		(st.st_mode & 07777) == 0750,
	    "nor its directory");
}

/* Bounds: what cannot be read back is not written. */
static void
test_bounds(void)
{
	struct sts_report_job job = example("b.test");
	char *large = calloc(1, STS_REPORT_PACKED_MAX + 1);

	job.count = 0;
	is_int(sts_reports_write(store, &job), STS_INTERNAL, "no destination");
	job.count = STS_DESTINATIONS_MAX;
	for (size_t i = 0; i < STS_DESTINATIONS_MAX; i++) {
		job.to[i] = job.to[0];
		memset(job.to[i].uri, 'a', STS_DESTINATION_BYTES - 1);
		memset(job.to[i].reason, 'r', STS_DELIVERY_REASON_BYTES - 1);
	}
	job.packed = large;
	job.packed_len = STS_REPORT_PACKED_MAX;
	is_int(sts_reports_write(store, &job), STS_OK, "the largest of all");
	is_int(read_one("b.test"), STS_OK, "is read");
	job.packed_len++;
	is_int(sts_reports_write(store, &job), STS_INTERNAL, "a larger one");
	(void)snprintf(job.domain, sizeof(job.domain), "../x");
	job.packed_len = 1;
	is_int(sts_reports_write(store, &job), STS_INTERNAL,
	    "a domain that is a path");
	free(large);
}

static void
change_byte(const char *name, long at, int byte)
{
	FILE *f = fopen(path_of(name), "r+");

	if (f == NULL)
		return;
	(void)fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
	(void)fputc(byte, f);
	(void)fclose(f);
}

static void
test_damage(void)
{
	struct sts_report_job job = example("c.test");

	(void)sts_reports_write(store, &job);
	change_byte("2024-10-04/c.test", 20, 'x');
	is_int(read_one("c.test"), STS_ENTRY_CORRUPT, "one byte is wrong");
	(void)sts_reports_write(store, &job);
	(void)!truncate(path_of("2024-10-04/c.test"), 100);
	is_int(read_one("c.test"), STS_ENTRY_CORRUPT, "the end is missing");
	(void)sts_reports_write(store, &job);
	if (rename(path_of("2024-10-04/c.test"), "/dev/null/x") == 0)
		return;
	{
		char from[400];

		snprintf(
		    from, sizeof(from), "%s", path_of("2024-10-04/c.test"));
		(void)rename(from, path_of("2024-10-04/d.test"));
	}
	is_int(read_one("d.test"), STS_ENTRY_CORRUPT, "another domain's file");
	(void)unlink(path_of("2024-10-04/d.test"));
	(void)!symlink("b.test", path_of("2024-10-04/d.test"));
	is_int(read_one("d.test"), STS_ENTRY_CORRUPT, "a symbolic link");
	(void)unlink(path_of("2024-10-04/d.test"));
	(void)mkfifo(path_of("2024-10-04/d.test"), 0640);
	is_int(read_one("d.test"), STS_ENTRY_CORRUPT, "a FIFO");
	(void)unlink(path_of("2024-10-04/d.test"));
	(void)chmod(path_of("2024-10-04/b.test"), 0646);
	is_int(read_one("b.test"), STS_ENTRY_CORRUPT, "others can write it");
	(void)chmod(path_of("2024-10-04/b.test"), 0640);
	(void)chmod(path_of("2024-10-04"), 0757);
	is_int(read_one("b.test"), STS_STATE_UNREADABLE,
	    "others can write its directory");
	(void)chmod(path_of("2024-10-04"), 0750);
}

static bool
count_domain(void *arg, const char *domain)
{
	strcat(arg, domain);
	strcat(arg, " ");
	return true;
}

static void
test_walk(void)
{
	char found[200] = "";

	is_int(sts_reports_walk(store, DAY - 1, count_domain, found),
	    STS_NOT_FOUND, "a day without reports");
	ok(!sts_reports_is_planned(store, DAY), "a day that is not done");
	is_int(sts_reports_set_planned(store, DAY), STS_OK, "is done");
	ok(sts_reports_is_planned(store, DAY), "which is written down");
	is_int(sts_reports_walk(store, DAY, count_domain, found), STS_OK,
	    "its domains");
	ok(strcmp(found, "a.test b.test ") == 0 ||
		strcmp(found, "b.test a.test ") == 0,
	    "and nothing else: %s", found);
	change_byte("2024-10-04/.planned", 3, 'x');
	ok(!sts_reports_is_planned(store, DAY),
	    "a damaged note does not count");
}

static void
test_refused(void)
{
	struct sts_refused refused, again;
	char uri[60];
	const int64_t now = 1728086400;

	is_int(sts_refused_read(store, now, &refused), STS_OK, "an empty list");
	for (int i = 0; i < STS_REFUSED_MAX + 3; i++) {
		snprintf(uri, sizeof(uri), "mailto:%d@a.test", i);
		if (sts_refused_add(store, &refused, uri, now + i,
			STS_REFUSED_BY_ITSELF) != STS_OK)
			ok(false, "%s is not added", uri);
	}
	is_int((long long)refused.count, STS_REFUSED_MAX, "it is bounded");
	is_int(sts_refused_read(store, now + 1000, &again), STS_OK, "and read");
	ok(again.count == STS_REFUSED_MAX &&
		!sts_refused_has(&again, "mailto:2@a.test") &&
		sts_refused_has(&again, "mailto:3@a.test") &&
		sts_refused_has(&again, uri),
	    "the oldest have gone");
	sts_refused_free(&again);
	(void)sts_refused_read(store, now + STS_REFUSED_SECONDS + 100, &again);
	ok(!sts_refused_has(&again, "mailto:100@a.test") &&
		sts_refused_has(&again, "mailto:101@a.test"),
	    "after 30 days a destination counts no longer");
	sts_refused_free(&again);
	sts_refused_free(&refused);
	change_byte("refused", 20, 'x');
	is_int(sts_refused_read(store, now, &again), STS_OK, "a damaged list");
	is_int((long long)again.count, 0, "is empty");
	sts_refused_free(&again);
}

/* What the operator has stopped stays, whatever others refuse. */
static void
test_stopped(void)
{
	struct sts_refused refused;
	char uri[60];
	const int64_t now = 1728086400;
	bool all = true;

	(void)sts_refused_read(store, now, &refused);
	refused.count = 0;
	(void)sts_refused_add(
	    store, &refused, "mailto:both@a.test", now, STS_REFUSED_BY_ITSELF);
	(void)sts_refused_add(store, &refused, "mailto:operator@a.test", now,
	    STS_REFUSED_BY_OPERATOR);
	is_int(sts_refused_add(store, &refused, "mailto:both@a.test", now + 1,
		   STS_REFUSED_BY_OPERATOR),
	    STS_OK, "one that refused is stopped as well");
	is_int((long long)refused.count, 2, "and is in the list once");
	sts_refused_free(&refused);
	(void)sts_refused_read(store, now, &refused);
	for (int i = 0; i < STS_REFUSED_MAX + 3; i++) {
		snprintf(uri, sizeof(uri), "https://a.test/%d", i);
		all = sts_refused_add(store, &refused, uri, now + i,
			  STS_REFUSED_BY_ITSELF) == STS_OK &&
		    all;
	}
	ok(all && sts_refused_has(&refused, "mailto:operator@a.test") &&
		sts_refused_has(&refused, "mailto:both@a.test") &&
		sts_refused_has(&refused, uri),
	    "what was stopped before the file was read has not gone");
	for (int i = 0; i < STS_REFUSED_MAX + 1; i++) {
		snprintf(uri, sizeof(uri), "mailto:%d@b.test", i);
		(void)sts_refused_add(
		    store, &refused, uri, now, STS_REFUSED_BY_OPERATOR);
	}
	(void)sts_refused_add(
	    store, &refused, "https://b.test/", now, STS_REFUSED_BY_ITSELF);
	ok(refused.count == STS_REFUSED_MAX && sts_refused_has(&refused, uri) &&
		!sts_refused_has(&refused, "mailto:0@b.test") &&
		!sts_refused_has(&refused, "https://b.test/"),
	    "of too many that are stopped the oldest has gone");
	sts_refused_free(&refused);
}

/* A store that is open for reading only, as for root. */
static void
test_reading(void)
{
	struct sts_report_job job = example("a.test");
	struct sts_store *reading;
	int fd;

	if (sts_store_open(&reading, dir, false) != STS_OK)
		return;
	is_int(sts_reports_write(reading, &job), STS_STATE_UNWRITABLE,
	    "open for reading: nothing is written");
	is_int(
	    sts_reports_lock(reading, &fd), STS_STATE_UNWRITABLE, "nor locked");
	sts_store_close(reading);
}

static void
test_expire(void)
{
	sts_reports_expire(store, (int64_t)(DAY + 7) * STS_DAY);
	is_int(read_one("a.test"), STS_OK, "seven days later it is there");
	sts_reports_expire(store, (int64_t)(DAY + 8) * STS_DAY);
	is_int(read_one("a.test"), STS_NOT_FOUND, "and then it is not");
	ok(access(path_of("2024-10-04"), F_OK) != 0, "with its directory");
	ok(access(path_of("refused"), F_OK) == 0, "the list stays");
}

/* What is not a directory of the owner's is not used. */
static void
test_directory(void)
{
	struct sts_report_job job = example("a.test");
	char command[300];

	snprintf(command, sizeof(command),
	    "rm -rf %s/reports && mkdir %s/other && ln -s other %s/reports",
	    dir, dir, dir);
	is_int(system(command), 0, "a link in place of the directory");
	is_int(sts_reports_write(store, &job), STS_STATE_UNREADABLE,
	    "is not followed");
	snprintf(command, sizeof(command), "ls -A %s/other | grep -q .", dir);
	ok(system(command) != 0, "and nothing is written there");
}

int
main(void)
{
	char command[100];

	if (!tap_own_directory(dir) ||
	    sts_store_open(&store, dir, true) != STS_OK) {
		printf("Bail out! no store\n");
		return 1;
	}
	test_round_trip();
	test_bounds();
	test_damage();
	test_walk();
	test_refused();
	test_stopped();
	test_reading();
	test_expire();
	test_directory();
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ok(system(command) == 0, "the directory is gone");
	return tap_done();
}
