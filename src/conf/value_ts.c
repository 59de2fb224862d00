/* Networks, protocols and ports: leftsubnet=, leftprotoport=. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/raw.h"
#include "conf/value.h"

static bool parse_protocol(const char *text, uint8_t *out)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {
		{ "icmp", 1 },	     { "ipip", 4 },  { "tcp", 6 },    { "udp", 17 },
		{ "gre", 47 },	     { "esp", 50 },  { "ah", 51 },    { "icmpv6", 58 },
		{ "ipv6-icmp", 58 }, { "ospf", 89 }, { "sctp", 132 }, { "udplite", 136 },
	};
	uint64_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcasecmp(names[i].name, text) == 0) {
			*out = names[i].number;
			return true;
		}
	if (!conf_parse_number(text, 255, &n))
		return false;
	*out = (uint8_t)n;
	return true;
}

/* RFC 7296 section 3.13.1: ANY is 0 to 65535, OPAQUE 65535 to 0. */
static bool parse_ports(const char *text, uint16_t *first, uint16_t *last)
{
	const char *dash = strchr(text, '-');
	char low[8];

	*first = 0;
	*last = UINT16_MAX;
	if (!*text || strcasecmp(text, "%any") == 0 || strcmp(text, "0") == 0)
		return true;
	if (strcasecmp(text, "%opaque") == 0) {
		*first = UINT16_MAX;
		*last = 0;
		return true;
	}
	if (!dash) {
		if (!conf_parse_port(text, first))
			return false;
		*last = *first;
		return true;
	}
	return (size_t)snprintf(low, sizeof(low), "%.*s", (int)(dash - text), text) < sizeof(low) &&
	       conf_parse_port(low, first) && conf_parse_port(dash + 1, last) && *first <= *last;
}

/* "tcp/443", "17/1701", "udp", "udp/%any", "%any". NULL, or what is wrong. */
static const char *parse_protoport(const char *text, struct conf_protoport *out)
{
	const char *slash = strchr(text, '/');
	char name[16];

	*out = (struct conf_protoport){ .given = true, .port_last = UINT16_MAX };
	if (strcasecmp(text, "%any") == 0)
		return NULL;
	if ((size_t)snprintf(name, sizeof(name), "%.*s", slash ? (int)(slash - text) : (int)sizeof(name),
			     text) >= sizeof(name) ||
	    !parse_protocol(name, &out->protocol))
		return "the protocol must be tcp, udp, icmp or the like, or a number from 0 to 255";
	if (slash && !parse_ports(slash + 1, &out->port_first, &out->port_last))
		return "the port must be a number, a range like 1000-2000, %any or %opaque";
	if (out->protocol == 0 && (out->port_first != 0 || out->port_last != UINT16_MAX))
		return "ports need a protocol";
	return NULL;
}

void conf_apply_protoport(const struct conf_apply *a)
{
	struct conf_protoport *field = a->field;
	const char *wrong = parse_protoport(a->entry->value, field);

	if (!wrong)
		return;
	*field = (struct conf_protoport){ 0 };
	conf_say(a->journal, CV_LOG_ERROR, a->entry->at, "%s=%s: %s", a->entry->key,
		 conf_show(a->entry->value).text, wrong);
}

/* The network with its host bits taken off, for a message. */
static bool without_host_bits(const char *text, char out[CV_PREFIX_TEXT_MAX])
{
	const char *slash = strchr(text, '/');
	char address[CV_IP_TEXT_MAX];
	struct cv_prefix prefix;
	uint64_t bits;

	if (!slash ||
	    (size_t)snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text) >=
		sizeof(address) ||
	    cv_ip_parse(address, &prefix.ip) != CV_OK ||
	    !conf_parse_number(slash + 1, cv_ip_len(&prefix.ip) * 8, &bits))
		return false;
	prefix.bits = (uint8_t)bits;
	for (size_t i = 0; i < cv_ip_len(&prefix.ip); i++)
		if (i * 8 >= bits)
			prefix.ip.b[i] = 0;
		else if (i * 8 + 8 > bits)
			prefix.ip.b[i] &= (uint8_t)(0xff00 >> (bits % 8));
	cv_prefix_text(&prefix, out);
	return true;
}

/* Where the second slash stands, behind which protocol and port are written; NULL: there is none. */
static char *protocol_part(char *item)
{
	char *slash = strchr(item, '/');

	return slash ? strchr(slash + 1, '/') : NULL;
}

static bool parse_subnet(const struct conf_apply *a, char *item, struct wire_ts *ts, bool *with_protocol)
{
	char *extra = protocol_part(item);
	struct conf_protoport pp = { .port_last = UINT16_MAX };
	char better[CV_PREFIX_TEXT_MAX];
	struct cv_prefix prefix;
	const char *wrong = NULL;

	if (extra)
		*extra++ = '\0';
	if (extra)
		wrong = parse_protoport(extra, &pp);
	if (wrong) {
		conf_say(a->journal, CV_LOG_ERROR, a->entry->at, "%s: '%s': %s", a->entry->key,
			 conf_show(extra).text, wrong);
	} else if (strncasecmp(item, "vhost:", 6) == 0 || strncasecmp(item, "vnet:", 5) == 0) {
		wrong = item;
		conf_say(a->journal, CV_LOG_ERROR, a->entry->at,
			 "%s: vhost: and vnet: belong to IKEv1; write the networks, with narrowing=yes where "
			 "the peer chooses among them",
			 a->entry->key);
	} else if (cv_prefix_parse(strcmp(item, "0/0") == 0 ? "0.0.0.0/0" : item, &prefix) != CV_OK) {
		wrong = item;
		if (without_host_bits(item, better))
			conf_say(a->journal, CV_LOG_ERROR, a->entry->at,
				 "%s: '%s' has bits behind its prefix length; the network is %s",
				 a->entry->key, conf_show(item).text, better);
		else
			conf_say(a->journal, CV_LOG_ERROR, a->entry->at,
				 "%s: '%s' is no network; write it like 192.0.2.0/24 or 2001:db8::/32",
				 a->entry->key, conf_show(item).text);
	}
	if (wrong)
		return false;
	*ts = (struct wire_ts){ .first = cv_prefix_first(&prefix),
				.last = cv_prefix_last(&prefix),
				.protocol = pp.protocol,
				.port_first = pp.port_first,
				.port_last = pp.port_last };
	*with_protocol = extra != NULL;
	return true;
}

void conf_apply_subnets(const struct conf_apply *a)
{
	struct conf_subnets *field = a->field;
	const char *list = a->entry->value;
	char item[96];
	bool too_long;
	unsigned items = 0;

	for (; conf_next_item(&list, item, sizeof(item), &too_long); items++) {
		if (field->count == IKE_SELECTORS_MAX) {
			if (!field->too_many)
				conf_say(a->journal, CV_LOG_ERROR, a->entry->at,
					 "%s has more than %d networks", a->entry->key, IKE_SELECTORS_MAX);
			field->too_many = true;
			return;
		}
		if (!parse_subnet(a, item, &field->ts[field->count], &field->with_protocol[field->count]))
			return;
		field->count++;
	}
	if (!items)
		conf_say(a->journal, CV_LOG_ERROR, a->entry->at, "%s= has no network", a->entry->key);
}
