/* IKE_AUTH (RFC 7296 sections 1.2 and 2.15, RFC 7619), both roles. */
#ifndef CULVERT_IKE_AUTH_H
#define CULVERT_IKE_AUTH_H

#include "ike/message.h"
#include "ike/receive.h"
#include "ike/task.h"

enum { IKE_AUTH_DATA_MAX = 64 };

/* As initiator, when IKE_SA_INIT is done and the secret is there. */
void ike_auth_start(struct ike_sa *sa);
extern const struct ike_task_ops ike_auth_ops;
/* The answer to IKE_AUTH is not wanted any more: another rung was faster, or the user took the connection
 * down. It may come nevertheless, and then the peer has an IKE SA that it must hear the end of. */
void ike_auth_abandon(struct ike_sa *sa);

/* As responder. */
enum ike_verdict ike_auth_request(struct ike_sa *sa, const struct ike_msg *msg, struct wire_builder *reply);

/* --- for both --- */
/* AUTH data of one side: prf(prf(key, pad), signed octets). id_body: the ID payload without generic header.
 * The key is the secret, or for NULL authentication SK_pi or SK_pr (RFC 7619 section 2.1). *len: octets. */
enum cv_err ike_auth_data(const struct ike_sa *sa, bool of_initiator, uint8_t authby, struct cv_bytes secret,
			  struct cv_bytes id_body, uint8_t out[IKE_AUTH_DATA_MAX], size_t *len) CV_NODISCARD;
/* Checks the peer's. */
bool ike_auth_verify(const struct ike_sa *sa, uint8_t authby, struct cv_bytes secret, struct cv_bytes id_body,
		     const struct wire_auth *auth);
/* Adds our ID and AUTH payloads; keeps the identity in sa->local_id. */
enum cv_err ike_auth_build_id(struct ike_sa *sa, struct wire_builder *b) CV_NODISCARD;
enum cv_err ike_auth_build_auth(struct ike_sa *sa, struct cv_bytes secret,
				struct wire_builder *b) CV_NODISCARD;
/* Our identity for a connection on a path: as configured, else ID_NULL or the address. */
void ike_auth_local_id(const struct ike_conn *conn, const struct ike_path *path, struct ike_id *out);
uint8_t ike_auth_method(uint8_t authby);

#endif
