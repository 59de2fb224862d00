/* What is in ipsec.secrets. Private to conf/. */
#ifndef CULVERT_CONF_SECRETS_H
#define CULVERT_CONF_SECRETS_H

#include "conf/conf.h"
#include "lib/secret.h"

struct conf_secret {
	struct cv_secret psk;
	struct ike_id *ids; /* for whom; none: for all */
	bool *any;	    /* ids[i] is %any */
	uint16_t id_count;
};

struct conf_secrets {
	struct conf_secret *list;
	size_t count;
	size_t cap;
};

/* How well a secret suits the query; 0: not at all. Of equals the first in the file is taken. */
unsigned conf_secret_match(const struct conf_secret *s, const struct ike_secret_query *query);

#endif
