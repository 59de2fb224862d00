#include "cli/show.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char *cli_age_text(int64_t s, char out[32])
{
	if (s < 0)
		s = 0;
	if (s < 60)
		snprintf(out, 32, "%" PRId64 " s", s);
	else if (s < 3600)
		snprintf(out, 32, "%" PRId64 " min", s / 60);
	else if (s < 86400)
		snprintf(out, 32, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(out, 32, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
	return out;
}

const char *cli_bytes_text(uint64_t bytes, char out[32])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	unsigned unit = 1;
	if (bytes < 1000) {
		snprintf(out, 32, "%" PRIu64 " B", bytes);
		return out;
	}
	for (; bytes >= 1000000; unit++)
		bytes /= 1000;
	snprintf(out, 32, "%" PRIu64 ".%" PRIu64 " %s", bytes / 1000, bytes / 100 % 10, units[unit]);
	return out;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text == NULL || text[0] == 0 ? "-" : text;
}

static bool has(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return value != NULL && !json_is_null(value);
}

static int64_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* "14:02:11 (3 min ago)", with the date when it is older than a day; "-" when never. */
static const char *since_text(const json_t *object, const char *name, int64_t now, char out[64])
{
	if (!has(object, name))
		return "-";
	int64_t when = number_of(object, name);
	time_t t = (time_t)when;
	struct tm tm;
	char clock[32] = "?", age[32];
	if (localtime_r(&t, &tm) != NULL)
		strftime(clock, sizeof(clock), now - when < 86400 ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(out, 64, "%s (%s ago)", clock, cli_age_text(now - when, age));
	return out;
}

static void show_list(FILE *out, const json_t *array, const char *empty)
{
	size_t count = json_array_size(array);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i == 0 ? "" : ", ", json_string_value(json_array_get(array, i)));
	if (count == 0)
		fprintf(out, "%s", empty);
}

static void show_selectors(FILE *out, const json_t *child)
{
	show_list(out, json_object_get(child, "local"), "this host");
	fprintf(out, " === ");
	show_list(out, json_object_get(child, "remote"), "the peer");
}

static void show_encryption(FILE *out, const json_t *sa)
{
	fprintf(out, "%s", text_of(sa, "encryption"));
	if (has(sa, "integrity"))
		fprintf(out, " %s", text_of(sa, "integrity"));
}

static void show_drops(FILE *out, const json_t *child)
{
	const char *name;
	json_t *count;
	bool first = true;
	json_object_foreach(json_object_get(child, "dropped"), name, count)
	{
		if (json_integer_value(count) == 0)
			continue;
		fprintf(out, "%s%" JSON_INTEGER_FORMAT " ", first ? "      dropped    " : ", ",
			json_integer_value(count));
		for (const char *p = name; *p != 0; p++)
			fputc(*p == '_' ? ' ' : *p, out);
		first = false;
	}
	if (!first)
		fputc('\n', out);
}

static void show_child(FILE *out, const json_t *child, int64_t now)
{
	char in[32], sent[32], since[64], last[64];
	fprintf(out, "    tunnel       ");
	show_selectors(out, child);
	fprintf(out, "\n      traffic    in %s (%" PRId64 " packets), out %s (%" PRId64 " packets)",
		cli_bytes_text((uint64_t)number_of(child, "bytes_in"), in), number_of(child, "packets_in"),
		cli_bytes_text((uint64_t)number_of(child, "bytes_out"), sent),
		number_of(child, "packets_out"));
	fprintf(out, ", last in %s\n", since_text(child, "last_in", now, last));
	show_drops(out, child);
	fprintf(out, "      ESP        since %s, rekey due -, ", since_text(child, "since", now, since));
	show_encryption(out, child);
	fprintf(out, "%s, SPI in %s out %s, inner MTU %" PRId64 "\n",
		json_is_true(json_object_get(child, "esn")) ? " ESN" : "", text_of(child, "spi_in"),
		text_of(child, "spi_out"), number_of(child, "mtu"));
}

static void show_sa(FILE *out, const json_t *sa, int64_t now)
{
	char since[64], transport[8];
	const json_t *children = json_object_get(sa, "children");
	snprintf(transport, sizeof(transport), "%s", text_of(sa, "transport"));
	for (char *p = transport; *p != 0; p++)
		*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	fprintf(out, "    peer         %s (%s), from %s (%s)\n", text_of(sa, "remote"),
		text_of(sa, "remote_id"), text_of(sa, "local"), text_of(sa, "local_id"));
	fprintf(out, "    transport    %s since %s: %s\n", transport,
		since_text(sa, "transport_since", now, since), text_of(sa, "transport_why"));
	bool nat_local = json_is_true(json_object_get(sa, "nat_local"));
	bool nat_remote = json_is_true(json_object_get(sa, "nat_remote"));
	if (nat_local || nat_remote)
		fprintf(out, "    NAT          in front of %s\n",
			nat_local && nat_remote ? "both ends"
			: nat_local		? "this host"
						: "the peer");
	fprintf(out, "    IKE SA       %s as %s since %s, rekey due -, ", text_of(sa, "state"),
		text_of(sa, "role"), since_text(sa, "established", now, since));
	show_encryption(out, sa);
	fprintf(out, " %s %s, SPI %s_%s\n", text_of(sa, "prf"), text_of(sa, "key_exchange"),
		text_of(sa, "spi_local"), text_of(sa, "spi_remote"));
	for (size_t i = 0; i < json_array_size(children); i++)
		show_child(out, json_array_get(children, i), now);
}

static void show_configured(FILE *out, const json_t *conn)
{
	const json_t *children = json_object_get(conn, "configured");
	fprintf(out, "    peer         %s, from %s\n", has(conn, "remote") ? text_of(conn, "remote") : "any",
		has(conn, "local") ? text_of(conn, "local") : "any address");
	for (size_t i = 0; i < json_array_size(children); i++) {
		fprintf(out, "    tunnel       ");
		show_selectors(out, json_array_get(children, i));
		fprintf(out, " (not up)\n");
	}
}

static void show_conn(FILE *out, const json_t *conn, int64_t now)
{
	char age[32];
	const json_t *sas = json_object_get(conn, "ike_sas");
	fprintf(out, "%s: %s", text_of(conn, "name"), text_of(conn, "state"));
	if (has(conn, "retry"))
		fprintf(out, ", tried again in %s", cli_age_text(number_of(conn, "retry") - now, age));
	fputc('\n', out);
	if (json_array_size(sas) == 0 && has(conn, "configured"))
		show_configured(out, conn);
	for (size_t i = 0; i < json_array_size(sas); i++)
		show_sa(out, json_array_get(sas, i), now);
	if (has(conn, "last_error"))
		fprintf(out, "    last error   %s\n", text_of(conn, "last_error"));
}

void cli_show_status(FILE *out, const json_t *data, int64_t now)
{
	char age[32];
	const json_t *conns = json_object_get(data, "connections");
	fprintf(out, "culvertd %s, running for %s, device %s, configuration %s\nlistening on ",
		text_of(data, "version"), cli_age_text(now - number_of(data, "started"), age),
		text_of(data, "device"), text_of(data, "config"));
	show_list(out, json_object_get(data, "listening"), "nothing");
	fputc('\n', out);
	for (size_t i = 0; i < json_array_size(conns); i++) {
		fputc('\n', out);
		show_conn(out, json_array_get(conns, i), now);
	}
	if (json_array_size(conns) == 0)
		fprintf(out, "\nno connections\n");
}

void cli_show_traffic(FILE *out, const json_t *data, int64_t now)
{
	char in[32], sent[32], since[64];
	const json_t *children = json_object_get(data, "children");
	for (size_t i = 0; i < json_array_size(children); i++) {
		const json_t *child = json_array_get(children, i);
		fprintf(out, "%s: ", text_of(child, "name"));
		show_selectors(out, child);
		fprintf(out, ", in %s, out %s, since %s\n",
			cli_bytes_text((uint64_t)number_of(child, "bytes_in"), in),
			cli_bytes_text((uint64_t)number_of(child, "bytes_out"), sent),
			since_text(child, "since", now, since));
	}
	if (json_array_size(children) == 0)
		fprintf(out, "no tunnel is up\n");
}
