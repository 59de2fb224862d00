/* Keys of IKE SAs and Child SAs (RFC 7296 sections 2.14, 2.17, 2.18). */
#ifndef CULVERT_IKE_KEYS_H
#define CULVERT_IKE_KEYS_H

#include <stdint.h>

#include "crypto/suite.h"
#include "lib/bytes.h"
#include "lib/err.h"
#include "lib/secret.h"

struct ike_suite;
struct ike_child_sa;

/* The seven secrets of an IKE SA in one piece: SK_d SK_ai SK_ar SK_ei SK_er SK_pi SK_pr. */
struct ike_keys {
	struct cv_secret all;
	uint8_t d_len, a_len, e_len, p_len;
};

/* What both sides put into a key exchange. */
struct ike_keys_input {
	struct cv_bytes ni, nr; /* nonces of the exchange's initiator and responder */
	struct cv_bytes shared; /* g^ir; empty: none (a Child SA without PFS) */
	uint64_t spi_i, spi_r;	/* of the (new) IKE SA */
};

/* From IKE_SA_INIT: SKEYSEED = prf(Ni | Nr, g^ir). */
enum cv_err ike_keys_derive(struct ike_keys *keys, const struct ike_suite *suite,
			    const struct ike_keys_input *input) CV_NODISCARD;
/* From a rekey of the IKE SA: SKEYSEED = prf_old(SK_d_old, g^ir | Ni | Nr). */
enum cv_err ike_keys_rekey(struct ike_keys *keys, const struct ike_suite *suite,
			   const struct ike_keys_input *input, uint16_t old_prf,
			   const struct ike_keys *old) CV_NODISCARD;
void ike_keys_wipe(struct ike_keys *keys);

struct cv_bytes ike_keys_d(const struct ike_keys *keys);
struct cv_bytes ike_keys_a(const struct ike_keys *keys, bool initiator); /* SK_ai or SK_ar */
struct cv_bytes ike_keys_e(const struct ike_keys *keys, bool initiator);
struct cv_bytes ike_keys_p(const struct ike_keys *keys, bool initiator);

/* Protection of messages sent by the original initiator (true) or responder. */
enum cv_err ike_keys_sk(const struct ike_keys *keys, const struct ike_suite *suite, bool initiator,
			struct crypto_sk **out) CV_NODISCARD;

/* Fills the four keys of a Child SA pair: KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr), the exchange initiator's
 * direction first, encryption before integrity. child->initiator says which direction is ours. */
enum cv_err ike_keys_child(const struct ike_keys *keys, uint16_t prf, const struct ike_suite *suite,
			   const struct ike_keys_input *input, struct ike_child_sa *child) CV_NODISCARD;

#endif
