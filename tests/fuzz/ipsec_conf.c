/* ipsec.conf: whatever it holds, reading ends with a struct or with an error and a reason, and what was read
 * can be oriented. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/load.h"
#include "lib/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ends_in_odd(void *arg, const struct cv_ip *ip)
{
	(void)arg;
	return ip->b[cv_ip_len(ip) - 1] & 1;
}

static void check_conn(const struct conf_conn *c)
{
	static const struct cv_ip route4 = { CV_IPV4, { 192, 0, 2, 7 } };
	static const struct cv_ip route6 = { CV_IPV6, { 0x20, 1, 0xd, 0xb8, [15] = 7 } };
	static struct conf_conn out;
	char text[256];
	enum cv_err err = conf_orient(c, ends_in_odd, NULL, &route4, &route6, &out, text, sizeof(text));

	if (c->ike.child_count == 0 || c->ike.child_count > IKE_CHILDREN_MAX || c->digest == 0)
		abort();
	if (c->ike.ike_proposals.count == 0 || c->ike.esp_proposals.count == 0)
		abort();
	if (memchr(text, '\0', sizeof(text)) == NULL || text[0] == '\0')
		abort();
	if (err == CV_OK && (out.ike.rung_count == 0 || out.ike.local_ip.family == CV_FAMILY_NONE))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_message *messages;
	struct conf *conf;
	size_t count;
	bool said_error = false;
	enum cv_err err = conf_load_text("fuzz", cv_bytes(data, size), &conf, &messages, &count);

	for (size_t i = 0; i < count; i++) {
		said_error = said_error || messages[i].level == CV_LOG_ERROR;
		for (const char *p = messages[i].text; *p; p++)
			if (*p < 0x20 || *p > 0x7e)
				abort();
	}
	if ((err == CV_OK) != (conf != NULL) || (err == CV_E_SYNTAX && !said_error))
		abort();
	for (size_t i = 0; conf != NULL && i < conf_conn_count(conf); i++)
		check_conn(conf_conn_at(conf, i));
	conf_free(conf);
	free(messages);
	return 0;
}
