/* SPDX-License-Identifier: ISC */
/* What comes apart in Debian's Exim after MTA-STS was set up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"
#include "exim/check/exim.h"
#include "tool/tool.h"

static char top[] = "/tmp/mta-sts-fragments.XXXXXX";
static const char *const names[] = {"main/04_mta-sts", "router/190_mta-sts",
    "transport/31_mta-sts", "retry/20_mta-sts"};

static const char *
at(const char *name)
{
	static char path[2][256];
	static unsigned turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", top, name);
	return path[turn];
}

static void
put(const char *name, const char *text)
{
	write_file(at(name), text, strlen(text));
}

/* A machine where all is in order. */
static void
begin(bool split)
{
	char command[600], text[100], all[600] = "begin\n";

	snprintf(command, sizeof(command),
	    "rm -rf %s/etc && mkdir -p %s/etc/conf.d && cd %s/etc/conf.d && "
	    "mkdir main router transport retry",
	    top, top, top);
	if (system(command) != 0)
		printf("Bail out! %s\n", command);
	for (size_t i = 0; i < 4; i++) {
		char name[64];

		snprintf(name, sizeof(name), "etc/conf.d/%s", names[i]);
		snprintf(
		    text, sizeof(text), "# a comment\n\nline_%zu = a\n", i);
		put(name, text);
		snprintf(text, sizeof(text), "line_%zu = a\n", i);
		strcat(all, text);
	}
	put("etc/update-exim4.conf.conf",
	    split ? "# x\ndc_use_split_config='true'\n"
		  : "# x\ndc_use_split_config='false'\n");
	put("etc/exim4.conf.template", split ? "nothing of ours\n" : all);
	put("generated", all);
}

/* How many findings, and whether the text has this in it. */
static void
expect(unsigned errors, const char *part, const char *what)
{
	struct sts_findings f = {0};
	char *text, etc[256];
	size_t len;

	snprintf(etc, sizeof(etc), "%s", at("etc"));
	f.out = open_memstream(&text, &len);
	sts_exim_check_fragments(&f, etc, at("generated"));
	fclose(f.out);
	is_int(f.count[STS_FIND_ERROR], errors, "%s: findings", what);
	ok(strstr(text, part) != NULL, "%s: '%s' in %s", what, part, text);
	free(text);
}

static void
unlink_all(void)
{
	for (size_t i = 0; i < 4; i++) {
		char name[64];

		snprintf(name, sizeof(name), "etc/conf.d/%s", names[i]);
		(void)unlink(at(name));
	}
}

/* `config check` says it, too, whether it asks Exim or not. */
static void
through_config_check(void)
{
	char root[256], conf[256], *text = NULL;
	struct sts_tool tool = {.root = root, .args.config_file = conf};
	size_t len;

	(void)snprintf(root, sizeof(root), "%s", at("root"));
	(void)snprintf(conf, sizeof(conf), "%s", at("empty.conf"));
	put("empty.conf", "");
	if (mkdir(root, 0755) != 0 || mkdir(at("root/etc"), 0755) != 0)
		tap_diag("mkdir");
	begin(true);
	(void)unlink(at("etc/conf.d/retry/20_mta-sts"));
	if (rename(at("etc"), at("root/etc/exim4")) != 0)
		tap_diag("rename");
	tool.out = tool.err = open_memstream(&text, &len);
	is_int(sts_tool_config_check(&tool), STS_EXIT_NO,
	    "config check: exit status");
	fclose(tool.out);
	ok(strstr(text, "retry/20_mta-sts is missing; the other") != NULL,
	    "config check without --exim names a missing fragment");
	free(text);
}

int
main(void)
{
	umask(022);
	if (mkdtemp(top) == NULL)
		return 1;
	begin(false);
	expect(0, "", "one file, all in order");
	begin(true);
	expect(0, "", "split, all in order");
	(void)unlink(at("etc/conf.d/router/190_mta-sts"));
	expect(1, "conf.d/router/190_mta-sts is missing; the other",
	    "a fragment was removed");
	if (symlink("/nonexistent", at("etc/conf.d/router/190_mta-sts")) != 0)
		tap_diag("symlink");
	expect(1, "conf.d/router/190_mta-sts is a dangling link",
	    "the example files were removed");
	expect(1, "  fix: ln -sfn " STS_EXAMPLE_DIR "/exim/debian/router/190_",
	    "the same, with its fix");
	begin(false);
	put("etc/exim4.conf.template", "begin\nline_0 = a\n");
	expect(1, "exim4.conf.template does not have what ",
	    "the template was written anew");
	expect(1, "update-exim4.conf.template -r && update-exim4.conf",
	    "the same, with its fix");
	begin(true);
	put("generated", "begin\nline_0 = a\nline_1 = a\nline_2 = a\n");
	expect(1, "conf.d/retry/20_mta-sts says", "the generated file is old");
	begin(false);
	put("generated", "begin\n");
	expect(1, "fix: update-exim4.conf\n",
	    "the template is right, what is made of it is old");
	begin(false);
	unlink_all();
	put("generated", "");
	expect(0, "", "never set up");
	put("generated", "${dlfunc{x}{mta_sts_query}{$domain}}\n");
	put("etc/exim4.conf.template", "nothing of ours\n");
	expect(1, "exim4.conf.template, of which it is made, no longer does",
	    "not split: all is gone but in what Exim still reads");
	expect(1, "update-exim4.conf.template -r && update-exim4.conf",
	    "the same, with its fix");
	put("etc/exim4.conf.template",
	    "${dlfunc{x}{mta_sts_query}{$domain}}\n");
	expect(0, "", "a template that the operator edited");
	begin(true);
	unlink_all();
	put("generated", "${dlfunc{x}{mta_sts_query}{$domain}}\n");
	expect(1, "/conf.d, of which it is made, no longer does",
	    "split: all is gone but in what Exim still reads");
	put("etc/conf.d/router/150_ours", "data = mta_sts_query\n");
	expect(0, "", "a fragment with a name of the operator's");
	begin(true);
	put("etc/exim4.conf", "nothing of ours\n");
	expect(1, "exim4.conf and nothing of conf.d",
	    "a file of the operator's that goes before all others");
	put("etc/exim4.conf", "${dlfunc{x}{mta_sts_query}{$domain}}\n");
	expect(0, "", "one that asks");
	through_config_check();
	{
		char command[80];

		snprintf(command, sizeof(command), "rm -rf %s", top);
		(void)!system(command);
	}
	return tap_done();
}
