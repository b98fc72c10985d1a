// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.c - networks of run and start: --net user|tap=NAME|bridge=NAME[,mac=ADDRESS][,queues=N], --publish
 * [ADDRESS:]PORT:GUESTPORT[/udp] and --vsock CID
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/run.h"
#include "parse.h"
#include "vhctl.h"

/* --- --net --- */

static bool set_kind(struct net_config *n, const char *word, const char *s)
{
	const char *name;

	if (!strcmp(word, "user"))
		return true;
	if (!strncmp(word, "tap=", 4)) {
		n->kind = NET_TAP;
	} else if (!strncmp(word, "bridge=", 7)) {
		n->kind = NET_BRIDGE;
	} else {
		error("--net '%s': want user, tap=NAME or bridge=NAME first", s);
		return false;
	}
	name = strchr(word, '=') + 1;
	if (!*name || strlen(name) >= sizeof(n->ifname) || strchr(name, '/') || strchr(name, '%')) {
		error("--net '%s': that is no name of an interface", s);
		return false;
	}
	strcpy(n->ifname, name);
	return true;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static bool set_mac(struct net_config *n, const char *text)
{
	static const uint8_t none[6];
	const char *c = text;

	for (int i = 0; i < 6; i++, c += 3) {
		if (hex(c[0]) < 0 || hex(c[1]) < 0 || c[2] != (i < 5 ? ':' : 0))
			goto bad;
		n->mac[i] = hex(c[0]) << 4 | hex(c[1]);
	}
	n->has_mac = !(n->mac[0] & 1) && memcmp(n->mac, none, 6);
	if (n->has_mac)
		return true;
bad:
	error("--net: mac '%s': want an address of one station, such as 02:00:00:12:34:56", text);
	return false;
}

static bool set_option(void *to, char *word)
{
	struct net_config *n = to;
	uint64_t queues;

	if (!strncmp(word, "mac=", 4))
		return set_mac(n, word + 4);
	if (strncmp(word, "queues=", 7)) {
		error("--net: '%s': want mac= or queues=", word);
		return false;
	}
	if (!parse_number(word + 7, NET_MAX_PAIRS, &queues) || !queues) {
		error("--net: queues '%s': want a number from 1 to %d", word + 7, NET_MAX_PAIRS);
		return false;
	}
	if (n->kind == NET_USER && queues > 1) {
		error("--net user: has one queue");
		return false;
	}
	n->pairs = queues;
	return true;
}

/**
 * option_net - another network
 * @s: value of the option
 * @cfg: gets it
 *
 * False with the error told.
 */
bool option_net(const char *s, struct vmm_config *cfg)
{
	struct net_config *n = &cfg->net[cfg->nets];
	char *word = strdup(s), *next, *all = word;
	bool good;

	if (!word)
		abort();
	if (cfg->nets == VMM_MAX_NETS) {
		error("--net: a VM has at most %d", VMM_MAX_NETS);
		free(all);
		return false;
	}
	*n = (struct net_config){ .kind = NET_USER, .pairs = 1 };
	next = parse_part(word);
	good = set_kind(n, word, s);
	good = good && parse_parts(next, set_option, n);
	free(all);
	cfg->nets += good;
	return good;
}

/* --- --publish --- */

static bool set_port(const char *text, uint16_t *port)
{
	uint64_t n;

	if (!parse_number(text, 65535, &n) || !n)
		return false;
	*port = n;
	return true;
}

/* IPv6 has colons of its own, and so it is in brackets. */
static bool set_address(struct net_publish *p, char *text)
{
	size_t n = strlen(text);
	bool six = *text == '[';
	uint8_t address[16];

	if (six) {
		if (text[n - 1] != ']')
			return false;
		text[n - 1] = 0;
		text++;
	}
	if (strlen(text) >= sizeof(p->address) || inet_pton(six ? AF_INET6 : AF_INET, text, address) != 1)
		return false;
	strcpy(p->address, text);
	return true;
}

static bool parse_publish(struct net_publish *p, char *text)
{
	char *slash = strrchr(text, '/'), *colon;

	if (slash) {
		*slash++ = 0;
		p->udp = !strcmp(slash, "udp");
		if (!p->udp && strcmp(slash, "tcp"))
			return false;
	}
	colon = strrchr(text, ':');
	if (!colon || !set_port(colon + 1, &p->guest))
		return false;
	*colon = 0;
	colon = strrchr(text, ':');
	p->any = !colon;
	if (!colon)
		return set_port(text, &p->port);
	*colon = 0;
	return set_port(colon + 1, &p->port) && *text && set_address(p, text);
}

/**
 * option_publish - another port of the host's that is the guest's
 * @s: value of the option
 * @cfg: gets it
 *
 * False with the error told.
 */
bool option_publish(const char *s, struct vmm_config *cfg)
{
	struct net_publish *p = &cfg->publish[cfg->publishes];
	char *text = strdup(s);
	bool good;

	if (!text)
		abort();
	if (cfg->publishes == VMM_MAX_PORTS) {
		error("--publish: a VM has at most %d", VMM_MAX_PORTS);
		free(text);
		return false;
	}
	*p = (struct net_publish){ };
	good = parse_publish(p, text);
	free(text);
	if (!good)
		error("--publish '%s': want [ADDRESS:]PORT:GUESTPORT[/udp], such as 8080:80 or 127.0.0.1:2222:22", s);
	cfg->publishes += good;
	return good;
}

/* --- the rest --- */

/**
 * option_vsock - sockets between guest and host
 * @s: value of the option
 * @cfg: gets it
 *
 * False with the error told.
 */
bool option_vsock(const char *s, struct vmm_config *cfg)
{
	uint64_t cid;

	/* Below 3 are those of the host and of nobody, the highest is anybody (vsock(7)). */
	if (!parse_number(s, UINT32_MAX - 1, &cid) || cid < 3) {
		error("--vsock '%s': want a number from 3 to %u", s, UINT32_MAX - 1);
		return false;
	}
	cfg->vsock_cid = cid;
	return true;
}

/**
 * net_options_fit - do networks fit each other, and what is published?
 * @cfg: all of them
 *
 * False with the error told.
 */
bool net_options_fit(const struct vmm_config *cfg)
{
	bool user = false;

	for (int i = 0; i < cfg->nets; i++) {
		const struct net_config *n = &cfg->net[i];

		user |= n->kind == NET_USER;
		for (int k = 0; k < i; k++) {
			if (n->has_mac && cfg->net[k].has_mac && !memcmp(n->mac, cfg->net[k].mac, 6)) {
				error("--net: two networks with the same mac");
				return false;
			}
			if (n->kind == NET_TAP && cfg->net[k].kind == NET_TAP && !strcmp(n->ifname, cfg->net[k].ifname)) {
				error("--net tap=%s: twice", n->ifname);
				return false;
			}
		}
	}
	if (cfg->publishes && !user) {
		error("--publish: goes with --net user");
		return false;
	}
	return true;
}
