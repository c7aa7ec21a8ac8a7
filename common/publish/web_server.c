/* SPDX-License-Identifier: ISC */
#include "publish/web_server.h"

#include <string.h>

/* In each text @D is the domain and @R the folder. */

static const char nginx[] =
    "# nginx: /etc/nginx/conf.d/mta-sts.@D.conf\n"
    "# Certificate first, while only the part for port 80 is there:\n"
    "#   certbot certonly --webroot -w @R -d mta-sts.@D\n"
    "server {\n"
    "    listen 80;\n"
    "    listen [::]:80;\n"
    "    server_name mta-sts.@D;\n"
    "    location /.well-known/acme-challenge/ { root @R; }\n"
    "    location / { return 404; }\n"
    "}\n"
    "server {\n"
    "    listen 443 ssl;\n"
    "    listen [::]:443 ssl;\n"
    "    server_name mta-sts.@D;\n"
    "    ssl_certificate /etc/letsencrypt/live/mta-sts.@D/fullchain.pem;\n"
    "    ssl_certificate_key /etc/letsencrypt/live/mta-sts.@D/privkey.pem;\n"
    "    ssl_protocols TLSv1.2 TLSv1.3;\n"
    "    location = /.well-known/mta-sts.txt {\n"
    "        root @R;\n"
    "        types { }\n"
    "        default_type text/plain;\n"
    "    }\n"
    "    location / { return 404; }\n"
    "}\n";

static const char apache[] =
    "# Apache: /etc/apache2/sites-available/mta-sts.@D.conf, then\n"
    "#   a2enmod ssl && a2ensite mta-sts.@D\n"
    "# Certificate first, while only the part for port 80 is there:\n"
    "#   certbot certonly --webroot -w @R -d mta-sts.@D\n"
    "<Directory @R>\n"
    "    Options None\n"
    "    AllowOverride None\n"
    "    Require all granted\n"
    "</Directory>\n"
    "<VirtualHost *:80>\n"
    "    ServerName mta-sts.@D\n"
    "    DocumentRoot @R\n"
    "</VirtualHost>\n"
    "<VirtualHost *:443>\n"
    "    ServerName mta-sts.@D\n"
    "    DocumentRoot @R\n"
    "    SSLEngine on\n"
    "    SSLProtocol -all +TLSv1.2 +TLSv1.3\n"
    "    SSLCertificateFile /etc/letsencrypt/live/mta-sts.@D/fullchain.pem\n"
    "    SSLCertificateKeyFile /etc/letsencrypt/live/mta-sts.@D/privkey.pem\n"
    "    <Location /.well-known/mta-sts.txt>\n"
    "        ForceType text/plain\n"
    "    </Location>\n"
    "</VirtualHost>\n";

/* Caddy gets the certificate itself, and has no TLS below 1.2. */
static const char caddy[] =
    "# Caddy: add to /etc/caddy/Caddyfile; Caddy gets the certificate itself\n"
    "mta-sts.@D {\n"
    "    root * @R\n"
    "    handle /.well-known/mta-sts.txt {\n"
    "        header Content-Type text/plain\n"
    "        file_server\n"
    "    }\n"
    "    handle {\n"
    "        respond 404\n"
    "    }\n"
    "}\n";

static const char static_pages[] =
    "# Static hosting: the files are\n"
    "#   .well-known/mta-sts.txt   the policy\n"
    "#   .nojekyll                 empty; without it GitHub Pages leaves out\n"
    "#                             folders that begin with a dot\n"
    "# Set mta-sts.@D as the site's own name (custom domain) and\n"
    "# https on; the host must not redirect, neither to another name nor to a\n"
    "# path with a slash. With --write DIR both files are made in DIR.\n";

static const struct {
	const char *name, *text;
} servers[STS_WEB_COUNT] = {
    [STS_WEB_NGINX] = {"nginx", nginx},
    [STS_WEB_APACHE] = {"apache", apache},
    [STS_WEB_CADDY] = {"caddy", caddy},
    [STS_WEB_STATIC] = {"static", static_pages},
};

bool
sts_web_server_named(const char *name, enum sts_web_server *server)
{
	for (int i = 0; i < STS_WEB_COUNT; i++) {
		if (strcmp(servers[i].name, name) == 0) {
			*server = (enum sts_web_server)i;
			return true;
		}
	}
	return false;
}

void
sts_web_server_write(
    FILE *out, enum sts_web_server server, const char *domain, const char *root)
{
	for (const char *p = servers[server].text; *p != '\0'; p++) {
		if (strncmp(p, "@D", 2) == 0 || strncmp(p, "@R", 2) == 0)
			(void)fputs(*++p == 'D' ? domain : root, out);
		else
			(void)putc(*p, out);
	}
}

bool
sts_web_root_is_plain(const char *root)
{
	return root[0] == '/' &&
	    strspn(root,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"/._-+") == strlen(root);
}
