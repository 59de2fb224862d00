/* ipsec.secrets: reading ends with keys or with an error and a reason, and looking one up is safe. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(const struct conf_secrets *secrets)
{
	static const struct ike_secret_query query = {
		.local = { WIRE_ID_FQDN, 4, "west" },
		.remote = { WIRE_ID_IPV4, 4, { 192, 0, 2, 1 } },
		.local_ip = { CV_IPV6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
		.remote_ip = { CV_IPV4, { 192, 0, 2, 1 } },
	};
	struct cv_bytes key;

	if (conf_secrets_find(secrets, &query, &key) == CV_OK && (key.len == 0 || key.data == NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_message *messages;
	struct conf_secrets *secrets;
	size_t count;
	enum cv_err err = conf_secrets_load_text("fuzz", cv_bytes(data, size), &secrets, &messages, &count);

	if ((err == CV_OK) != (secrets != NULL) || (err != CV_OK && count == 0))
		abort();
	if (secrets)
		look_up(secrets);
	conf_secrets_free(secrets);
	free(messages);
	return 0;
}
