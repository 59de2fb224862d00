/* TCP streams as the engine knows them: which IKE SAs go over which, and when one is to be closed (RFC 9329
 * section 6.1). The bytes are the transport's. */
#ifndef CULVERT_IKE_STREAM_H
#define CULVERT_IKE_STREAM_H

#include "ike/core.h"

/* Dials path.remote; path->stream_id is chosen here. CV_E_NOMEM. */
enum cv_err ike_stream_dial(struct ike_engine *e, struct ike_path *path) CV_NODISCARD;
/* Puts the IKE SA onto the stream of its path (or onto none over UDP); learns of a stream that was accepted.
 */
void ike_stream_bind(struct ike_sa *sa);
/* Takes it off. A stream with no IKE SA left is closed: at once when we dialled it, else after a while. */
void ike_stream_unbind(struct ike_sa *sa);
/* A stranger sent something over it: it is closed unless an IKE SA comes of it in time. */
void ike_stream_seen(struct ike_engine *e, const struct ike_path *path);
/* A message over it was good, or was broken. Too many broken ones in a row close it (R9329-6.1-18). */
void ike_stream_good(struct ike_engine *e, const struct ike_path *path);
void ike_stream_bad(struct ike_engine *e, const struct ike_path *path);
/* May a stranger start an IKE SA over it? Not when an established one uses it (R9329-6.1-14), nor
 * again and again; a half-open one there gives way. */
bool ike_stream_free_for_init(struct ike_engine *e, const struct ike_path *path);
/* Events of the transport. */
void ike_stream_opened(struct ike_engine *e, const struct ike_path *path);
void ike_stream_failed(struct ike_engine *e, const struct ike_path *path, int os_error);
void ike_stream_lost(struct ike_engine *e, const struct ike_path *path, int os_error);
/* For the engine's end. */
void ike_stream_free_all(struct ike_engine *e);

/* "UDP", "TCP". */
const char *ike_transport_name(uint8_t transport);
/* Plain words for an errno. */
const char *ike_errno_text(int os_error);

#endif
