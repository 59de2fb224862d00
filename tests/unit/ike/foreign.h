/* A peer that does what our engine does not do by itself: requests of any contents, sent over an IKE SA of A
 * as if A were another implementation. */
#ifndef CULVERT_TEST_IKE_FOREIGN_H
#define CULVERT_TEST_IKE_FOREIGN_H

#include "rig.h"

#include "ike/sa.h"
#include "ike/task.h"
#include "wire/payloads.h"

/* Adds the payloads of the request. */
typedef void (*foreign_build)(struct wire_builder *b, void *arg);

/* What came back. */
struct foreign_answer {
	bool answered;
	uint16_t error; /* of a notify; 0: none */
	struct wire_notify_payload notify;
	bool has_sa;
	struct wire_sa sa;
	uint8_t nonce[256];
	size_t nonce_len;
	uint8_t ke[CRYPTO_KE_PUBLIC_MAX];
	size_t ke_len;
	unsigned payloads;
	unsigned deletes;
	struct wire_delete deleted;
};

/* The established IKE SA of an end. */
struct ike_sa *foreign_sa(const struct rig_end *end);
/* ... the one that goes over that transport. */
struct ike_sa *foreign_sa_over(const struct rig_end *end, uint8_t transport);
/* Sends a request of that exchange from the IKE SA, and delivers everything. */
void foreign_ask(struct rig_end *end, struct ike_sa *sa, uint8_t exchange, foreign_build build, void *arg,
		 struct foreign_answer *answer);
/* The same without delivering. */
void foreign_send(struct rig_end *end, struct ike_sa *sa, uint8_t exchange, foreign_build build, void *arg,
		  struct foreign_answer *answer);

#endif
