/* Child SAs: keys, selectors, and their place in the plane. */
#ifndef CULVERT_IKE_CHILD_H
#define CULVERT_IKE_CHILD_H

#include "ike/core.h"

struct ike_child_params {
	struct ike_policy *policy;
	uint16_t index; /* which child of it */
	bool initiator; /* of the exchange that makes it */
	uint32_t spi_in, spi_out;
	struct ike_suite suite;
	struct cv_bytes ni, nr, shared;
	const struct wire_ts_list *local, *remote;
};

/* A free inbound SPI, never below 256 (R4303-2.1-1). */
uint32_t ike_child_new_spi(struct ike_engine *e);
/* Derives the keys and hands the pair to the plane (later, when the IKE SA stands by). */
enum cv_err ike_child_make(struct ike_sa *sa, const struct ike_child_params *params,
			   struct ike_child **out) CV_NODISCARD;
/* Takes it out of the plane and frees it. */
void ike_child_drop(struct ike_child *child);
void ike_child_drop_all(struct ike_sa *sa);
/* Installs what waited while the IKE SA stood by. */
void ike_child_install_held(struct ike_sa *sa);
/* The IKE SA's path has changed: the plane is told. */
void ike_child_follow(struct ike_sa *sa);
/* Gives all children of one IKE SA to another (RFC 7296 section 2.18). */
void ike_child_inherit(struct ike_sa *from, struct ike_sa *to);
/* The only way to another state. */
bool ike_child_set_state(struct ike_child *child, uint8_t state);
struct ike_child *ike_child_by_spi_in(const struct ike_engine *e, uint32_t spi_in);
struct ike_child *ike_child_by_spi_out(const struct ike_sa *sa, uint32_t spi_out);
/* Is there one, not being deleted, for that child of the policy? */
struct ike_child *ike_child_of_policy(const struct ike_sa *sa, const struct ike_policy *policy,
				      uint16_t index);
/* Of the child policy. */
const char *ike_child_name(const struct ike_child *child);
/* "10.0.1.0/24 === 10.0.2.0/24" */
const char *ike_child_text(const struct ike_child *child, char *out, size_t cap);

#endif
