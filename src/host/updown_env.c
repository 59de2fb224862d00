#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/updown.h"

#define VARIABLES_MAX 48
#define TEXT_MAX      8192

/* Variables are written one behind the other into one block, with the array of pointers in front. */
struct environment {
	char *at[VARIABLES_MAX + 1];
	size_t count;
	size_t used;
	char text[TEXT_MAX];
};

static void __attribute__((format(printf, 3, 4)))
set(struct environment *e, const char *name, const char *format, ...)
{
	va_list args;
	size_t room = TEXT_MAX - e->used;
	if (e->count == VARIABLES_MAX)
		return;
	int head = snprintf(e->text + e->used, room, "%s=", name);
	if (head < 0 || (size_t)head >= room)
		return;
	va_start(args, format);
	int len = vsnprintf(e->text + e->used + head, room - (size_t)head, format, args);
	va_end(args);
	if (len < 0 || (size_t)head + (size_t)len >= room)
		return;
	e->at[e->count++] = e->text + e->used;
	e->used += (size_t)head + (size_t)len + 1;
	e->at[e->count] = NULL;
}

/* The peer chooses its identity; scripts are seldom careful with quotes. */
static void set_id(struct environment *e, const char *name, const struct ike_id *id)
{
	char text[IKE_ID_TEXT_MAX];
	ike_id_text(id, text, sizeof(text));
	for (char *p = text; *p != 0; p++)
		if (strchr("'\"`$\\;&|<>(){}!*?[]~#\n\r\t", *p) != NULL || (unsigned char)*p < ' ' ||
		    (unsigned char)*p > '~')
			*p = '_';
	set(e, name, "%s", text);
}

static void set_ip(struct environment *e, const char *name, const struct cv_ip *ip)
{
	char text[CV_IP_TEXT_MAX];
	if (ip->family != CV_FAMILY_NONE)
		set(e, name, "%s", cv_ip_text(ip, text));
}

static struct cv_ip mask_of(const struct cv_prefix *p)
{
	struct cv_ip mask = { .family = p->ip.family };
	for (unsigned bit = 0; bit < p->bits; bit++)
		mask.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return mask;
}

/* NAME, NAME_NET, NAME_MASK; a range that is no network is written first-last. */
static void set_client(struct environment *e, const char *side, const struct wire_ts *ts)
{
	char name[64], text[CV_IP_TEXT_MAX], last[CV_IP_TEXT_MAX];
	struct cv_prefix p;
	snprintf(name, sizeof(name), "PLUTO_%s_CLIENT", side);
	if (cv_prefix_from_range(&ts->first, &ts->last, &p)) {
		struct cv_ip mask = mask_of(&p);
		set(e, name, "%s/%u", cv_ip_text(&p.ip, text), p.bits);
		snprintf(name, sizeof(name), "PLUTO_%s_CLIENT_MASK", side);
		set_ip(e, name, &mask);
	} else {
		set(e, name, "%s-%s", cv_ip_text(&ts->first, text), cv_ip_text(&ts->last, last));
	}
	snprintf(name, sizeof(name), "PLUTO_%s_CLIENT_NET", side);
	set_ip(e, name, &ts->first);
	snprintf(name, sizeof(name), "PLUTO_%s_PROTOCOL", side);
	set(e, name, "%u", ts->protocol);
	snprintf(name, sizeof(name), "PLUTO_%s_PORT", side);
	set(e, name, "%u", ts->port_first == ts->port_last ? ts->port_first : 0);
}

const char *host_updown_verb(const struct host_updown_call *call, const char *stem, char *out, size_t cap)
{
	const struct wire_ts *mine = call->my_client;
	bool host = cv_ip_equal(&mine->first, &call->me) && cv_ip_equal(&mine->last, &call->me);
	snprintf(out, cap, "%s-%s%s", stem, host ? "host" : "client",
		 mine->first.family == CV_IPV6 ? "-v6" : "");
	return out;
}

static void set_traffic(struct environment *e, const struct host_updown_call *call)
{
	set(e, "SPI_IN", "0x%x", call->spi_in);
	set(e, "SPI_OUT", "0x%x", call->spi_out);
	set(e, "PLUTO_INBYTES", "%llu", (unsigned long long)call->bytes_in);
	set(e, "PLUTO_OUTBYTES", "%llu", (unsigned long long)call->bytes_out);
	if (call->mtu != 0)
		set(e, "PLUTO_MTU", "%u", call->mtu);
	if (call->metric != 0)
		set(e, "PLUTO_METRIC", "%u", call->metric);
}

char **host_updown_environment(const struct host_updown_call *call, const char *verb)
{
	struct environment *e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	set(e, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	set(e, "PLUTO_VERSION", "2.0");
	set(e, "PLUTO_VERB", "%s", verb);
	set(e, "PLUTO_CONNECTION", "%s", call->conn);
	set(e, "PLUTO_CONNECTION_TYPE", "tunnel");
	set(e, "PLUTO_CONN_KIND", "CK_PERMANENT");
	set(e, "PLUTO_CONN_ADDRFAMILY", "%s", call->peer.family == CV_IPV6 ? "ipv6" : "ipv4");
	set(e, "PLUTO_STACK", "culvert");
	set(e, "PLUTO_SA_TYPE", "ESP");
	set(e, "PLUTO_INTERFACE", "%s", call->interface);
	set(e, "PLUTO_VIRT_INTERFACE", "%s", call->tun);
	set_ip(e, "PLUTO_ME", &call->me);
	set_ip(e, "PLUTO_PEER", &call->peer);
	set_ip(e, "PLUTO_NEXT_HOP", call->next_hop.family != CV_FAMILY_NONE ? &call->next_hop : &call->peer);
	set_id(e, "PLUTO_MY_ID", call->my_id);
	set_id(e, "PLUTO_PEER_ID", call->peer_id);
	set_client(e, "MY", call->my_client);
	set_client(e, "PEER", call->peer_client);
	set_ip(e, "PLUTO_MY_SOURCEIP", &call->my_source);
	set_traffic(e, call);
	return e->at;
}
