#include "conf/compile.h"

#include <string.h>

/* FNV-1a: finds changes in a file of the administrator's own, no more. */
static uint64_t add_octets(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h;
}

static uint64_t add_text(uint64_t h, const char *text)
{
	return add_octets(h, text, strlen(text) + 1);
}

uint64_t conf_digest(const struct conf_setup *setup, const char *name, const struct conf_entries *values)
{
	uint64_t h = add_text(0xcbf29ce484222325ULL, name);

	size_t repeated = 0;

	h = add_octets(h, &setup->nat_keepalive_ms, sizeof(setup->nat_keepalive_ms));
	for (size_t i = 0; i < values->count; i++) {
		const struct conf_entry *e = &values->list[i];
		uint64_t one = add_text(0xcbf29ce484222325ULL, e->option->name);

		one = add_octets(one, &e->side, sizeof(e->side));
		one = add_text(one, e->value);
		/* Options do not depend on each other's order; those that repeat do on that among themselves.
		 */
		if (e->option->repeats) {
			repeated++;
			one = add_octets(one, &repeated, sizeof(repeated));
		}
		h += one;
	}
	return h ? h : 1;
}
