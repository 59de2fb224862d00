/* IKE SAs: birth, state, path and end. */
#ifndef CULVERT_IKE_SA_H
#define CULVERT_IKE_SA_H

#include "ike/core.h"

/* A new IKE SA with an SPI of its own, in state IKE_SA_NONE, filed with its connection. */
enum cv_err ike_sa_new(struct ike_connection *conn, struct ike_policy *policy, bool initiator,
		       struct ike_sa **out) CV_NODISCARD;
/* By our SPI; NULL: none. */
struct ike_sa *ike_sa_find(const struct ike_engine *e, uint64_t spi_local);
/* The only way to another state: refuses (and logs) moves that the life of an IKE SA does not know. */
bool ike_sa_set_state(struct ike_sa *sa, uint8_t state);
/* Handshake state is there and empty. CV_E_NOMEM. */
enum cv_err ike_sa_handshake(struct ike_sa *sa) CV_NODISCARD;
void ike_sa_handshake_free(struct ike_sa *sa);
/* Keys and protection from a finished key exchange (RFC 7296 section 2.14). old: the IKE SA that is rekeyed
 * or NULL. */
enum cv_err ike_sa_set_keys(struct ike_sa *sa, const struct ike_keys_input *input,
			    const struct ike_sa *old) CV_NODISCARD;
/* Half-open no more: counts, drops what only the handshake needed, starts liveness and keepalives. */
bool ike_sa_established(struct ike_sa *sa);
/* Where the peer is reached from now on; children follow. */
void ike_sa_set_path(struct ike_sa *sa, const struct ike_path *path);
/* Arms one of the IKE SA's timers; without memory the IKE SA is closed. */
void ike_sa_arm(struct ike_sa *sa, struct cv_timer *timer, uint64_t due_ms);
/* The peer has proven that it is there, by something that is no replay. */
void ike_sa_heard(struct ike_sa *sa);
/* Ends it without a word to the peer; children go. why: for the log and the user. Harmless on a closed one.
 */
void ike_sa_close(struct ike_sa *sa, const char *why);
/* It answers retransmissions for a while and does nothing else; children go. */
void ike_sa_linger(struct ike_sa *sa, const char *why);
/* Files an authenticated IKE SA under its identities, and ends the older ones that it replaces
 * (INITIAL_CONTACT, uniqueids). */
enum cv_err ike_sa_identify(struct ike_sa *sa, bool initial_contact) CV_NODISCARD;
/* Is none of ours with that peer established, or about to be, but this one? */
bool ike_sa_is_first_contact(const struct ike_sa *sa);
/* Frees what was closed during this call. */
void ike_sa_reap(struct ike_engine *e);

/* A warning about what the peer of this IKE SA does wrong, at a limited rate: one limit for each peer that
 * has proven who it is, and one for all the others together. */
void ike_sa_complain(struct ike_sa *sa, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ike_sa_log(const struct ike_sa *sa, enum cv_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
