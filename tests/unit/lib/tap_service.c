/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/lib/tap_tool.h"

enum { TEXT_MAX = 4096, PATH_MAX_HERE = 128 };

static const char manager_text[] =
    "#!/bin/sh\n"
    "cd %s || exit 1\n"
    "mk() { mkdir -p proc/$1/fd; echo $2 >proc/$1/comm; }\n"
    "case $* in *restart*) ;; *)\n"
    "	read -r unit <unit\n"
    "	case \" $* \" in *\" $unit \"*) [ ! -e ended ];; *) false;; esac\n"
    "	exit;;\n"
    "esac\n"
    "echo \"$@\" >>calls\n"
    "fault=old; ! grep -q mta-sts:/ etc/smtpd.conf || read -r fault <fault\n"
    "[ $fault != stays ] || exit 0\n"
    "[ ! -e dry ] || ! grep -q 'action \"mta-sts\" relay$' etc/smtpd.conf || "
    "{\n"
    "	rm -rf proc/[0-9]*; : >ended; echo no such luck; exit 1; }\n"
    "[ $fault != refused ] || { echo no such luck; exit 1; }\n"
    "rm -rf proc/[0-9]* ended; mkdir -p proc/self proc/net\n"
    "[ ! -e late ] || mv late queue/a0/a0b1c2d3/a0b1c2d3e4f50617\n"
    "echo $fault >running; echo 0 >polls\n"
    "read -r n <n; n=$((n + 10)); echo $n >n\n"
    "mk $n smtpd; ln -s 'socket:[77]' proc/$n/fd/5\n"
    "port=0019; [ $fault != port ] || port=001A\n"
    "echo \" 0: 0100007F:$port 0:0 0A 0:0 0:0 0 0 0 77 1\" >proc/net/tcp\n"
    "[ $fault != ended ] || : >ended\n"
    "[ $fault != old ] || exit 0\n"
    "[ $fault = filter ] || mk $((n + 1)) filter-mta-sts\n"
    "mk $((n + 2)) table-mta-sts\n"
    "[ $fault = table ] || mk $((n + 3)) table-mta-sts\n";

/* With each question some time has passed. */
static const char smtpctl_text[] =
    "#!/bin/sh\n"
    "cd %s || exit 1\n"
    "[ \"$1\" != schedule ] || {\n"
    "	echo schedule >>calls\n"
    "	[ -e stuck ] || ! grep -q 'action \"mta-sts\"' etc/smtpd.conf ||\n"
    "		rm -f queue/*/*/*7; }\n"
    "[ \"$2\" = stats ] || exit 0\n"
    "read -r fault <running; read -r polls <polls; read -r n <n\n"
    "[ $fault != silent ] || exit 1\n"
    "polls=$((polls + 1)); echo $polls >polls\n"
    "[ $fault$polls != dies1 ] || rm -r proc/*1\n"
    "[ $fault != loops ] || mv proc/*1 proc/$((n + 100 * polls + 1))\n"
    "uptime=0; [ $fault != again ] || uptime=$((9 - polls))\n"
    "echo smtp.session=0; echo uptime=$uptime; echo uptime.human=x\n";

static void
put_word(const char *top, const char *name, const char *text)
{
	char path[PATH_MAX_HERE];

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	write_file(path, text, strlen(text));
}

void
service_script(const char *path, const char *text)
{
	write_file(path, text, strlen(text));
	(void)chmod(path, 0755);
}

static void
make_program(const char *top, const char *name, const char *format)
{
	char path[PATH_MAX_HERE], text[TEXT_MAX];
	const char *at;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	at = strstr(format, "%s");
	len = (size_t)(at - format);
	(void)snprintf(
	    text, sizeof(text), "%.*s%s%s", (int)len, format, top, at + 2);
	service_script(path, text);
}

void
service_make(const char *top, const char *unit)
{
	char text[2 * PATH_MAX_HERE];

	make_program(top, "manager", manager_text);
	make_program(top, "smtpctl", smtpctl_text);
	put_word(top, "n", "100\n");
	put_word(top, "unit", unit);
	put_word(top, "fault", "none\n");
	(void)snprintf(text, sizeof(text), "%s/manager restart %s", top, unit);
	(void)!system(text);
	put_word(top, "calls", "\n"); /* an empty one cannot be read */
}

void
service_fault(const char *top, const char *fault)
{
	put_word(top, "fault", fault);
}

bool
service_was_called(const char *top, const char *words)
{
	char path[PATH_MAX_HERE], text[TEXT_MAX];

	(void)snprintf(path, sizeof(path), "%s/calls", top);
	read_text(path, text, sizeof(text));
	return strstr(text, words) != NULL;
}
