/* Values of a connection's ends: hosts, identities, and what else has a syntax of its own. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/raw.h"
#include "conf/value.h"

static void say(const struct conf_apply *a, const char *what)
{
	conf_say(a->journal, CV_LOG_ERROR, a->entry->at, "%s=%s: %s", a->entry->key,
		 conf_show(a->entry->value).text, what);
}

void conf_apply_host(const struct conf_apply *a)
{
	struct conf_host *host = a->field;
	const char *value = a->entry->value;

	*host = (struct conf_host){ .kind = CONF_HOST_IP };
	if (strcasecmp(value, "%any") == 0)
		host->kind = CONF_HOST_ANY;
	else if (strcasecmp(value, "%defaultroute") == 0)
		host->kind = CONF_HOST_DEFAULTROUTE;
	else if (strncasecmp(value, "%opportunistic", 14) == 0 || strncasecmp(value, "%group", 6) == 0)
		say(a, "culvert does not do opportunistic encryption");
	else if (value[0] == '%')
		say(a, "write the address itself; of the words with a percent sign culvert knows %any and "
		       "%defaultroute");
	else if (cv_ip_parse(value, &host->ip) != CV_OK)
		say(a, "this is no IP address; names are not looked up, so write the address itself");
	else if (cv_ip_is_any(&host->ip)) /* the old way to write it */
		*host = (struct conf_host){ .kind = CONF_HOST_ANY };
}

/* --- identities --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static const char *set_id(struct ike_id *id, enum wire_id_type type, const void *data, size_t len)
{
	if (len == 0)
		return "the identity is empty";
	if (len > sizeof(id->data))
		return "the identity is too long (at most 256 characters)";
	id->type = (uint8_t)type;
	id->len = (uint16_t)len;
	memcpy(id->data, data, len);
	return NULL;
}

static const char *parse_hex_id(const char *hex, struct ike_id *id)
{
	uint8_t data[IKE_ID_MAX];
	size_t len = 0;

	if (strncasecmp(hex, "0x", 2) == 0)
		hex += 2;
	for (; *hex; hex += 2) {
		int high = hex_digit(hex[0]);
		int low = hex[1] ? hex_digit(hex[1]) : -1;

		if (high < 0 || low < 0)
			return "after @# there must be pairs of hexadecimal digits";
		if (len == sizeof(data))
			return "the identity is too long (at most 256 octets)";
		data[len++] = (uint8_t)(high << 4 | low);
	}
	return set_id(id, WIRE_ID_KEY_ID, data, len);
}

/* What stands behind an '@' at the front. */
static const char *parse_at_id(const char *text, struct ike_id *id)
{
	size_t len = strlen(text);

	if (text[0] == '#')
		return parse_hex_id(text + 1, id);
	if (text[0] == '[') {
		if (text[len - 1] != ']')
			return "after @[ there must be a ]";
		return set_id(id, WIRE_ID_KEY_ID, text + 1, len - 2);
	}
	if (text[0] == '~')
		return "distinguished names belong to certificates, which culvert does not have";
	if (text[0] == '@')
		return set_id(id, WIRE_ID_RFC822, text + 1, len - 1);
	return set_id(id, WIRE_ID_FQDN, text, len);
}

struct ike_id conf_id_of_address(const struct cv_ip *ip)
{
	struct ike_id id = { 0 };

	if (ip->family)
		set_id(&id, ip->family == CV_IPV4 ? WIRE_ID_IPV4 : WIRE_ID_IPV6, ip->b, cv_ip_len(ip));
	return id;
}

const char *conf_parse_id(const char *text, struct ike_id *out)
{
	struct cv_ip ip;

	*out = (struct ike_id){ 0 };
	if (strcasecmp(text, "%any") == 0 || strcasecmp(text, "%any6") == 0 || strcasecmp(text, "%none") == 0)
		return NULL;
	if (strcasecmp(text, "%null") == 0) {
		out->type = WIRE_ID_NULL;
		return NULL;
	}
	if (text[0] == '%')
		return "of the words with a percent sign only %any, %none and %null are possible here";
	if (text[0] == '@')
		return parse_at_id(text + 1, out);
	if (cv_ip_parse(text, &ip) == CV_OK) {
		*out = conf_id_of_address(&ip);
		return NULL;
	}
	if (strchr(text, '='))
		return "distinguished names belong to certificates, which culvert does not have";
	return set_id(out, strchr(text, '@') ? WIRE_ID_RFC822 : WIRE_ID_FQDN, text, strlen(text));
}

void conf_apply_id(const struct conf_apply *a)
{
	struct conf_raw_id *field = a->field;
	const char *wrong = conf_parse_id(a->entry->value, &field->id);

	field->given = !wrong;
	if (wrong)
		say(a, wrong);
}

/* --- the rest --- */

void conf_apply_authby(const struct conf_apply *a)
{
	uint8_t *field = a->field;
	const char *list = a->entry->value;
	char item[32];
	bool too_long;

	*field = 0;
	while (conf_next_item(&list, item, sizeof(item), &too_long)) {
		bool secret = strcasecmp(item, "secret") == 0 || strcasecmp(item, "psk") == 0;

		if (!secret && strcasecmp(item, "null") != 0) {
			say(a, strcasecmp(item, "never") == 0
				   ? "such a connection never negotiates, and culvert has no other kind"
				   : "culvert has no certificates or raw keys; use authby=secret (or null)");
			return;
		}
		if (*field && *field != (secret ? IKE_AUTHBY_SECRET : IKE_AUTHBY_NULL)) {
			say(a, "one method for both ends, please; where they differ use leftauth= and "
			       "rightauth=");
			return;
		}
		*field = secret ? IKE_AUTHBY_SECRET : IKE_AUTHBY_NULL;
	}
	if (!*field)
		say(a, "expected secret or null");
}

void conf_apply_updown(const struct conf_apply *a)
{
	const char *value = a->entry->value;
	char *field = a->field;

	field[0] = '\0';
	if (strcasecmp(value, "%disabled") == 0)
		return;
	if (strcmp(value, "ipsec _updown") ==
	    0) /* libreswan's default: sets routes, as culvert does without it */
		return;
	if (strlen(value) >= CONF_PATH_MAX)
		say(a, "the command is too long (less than 256 characters)");
	else
		memcpy(field, value, strlen(value) + 1);
}

void conf_apply_enable_tcp_port(const struct conf_apply *a)
{
	uint16_t *field = a->field;

	if (!conf_parse_port(a->entry->value, field))
		say(a, "expected a port from 1 to 65535");
	else if (*field == 500)
		conf_say(
		    a->journal, CV_LOG_WARNING, a->entry->at,
		    "tcp-remoteport=500: RFC 9329 names 4500, and libreswan does not take 500; is it meant?");
}
