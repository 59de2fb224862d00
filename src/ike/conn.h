/* Connections: what is configured, what stands of it, and who waits for it. */
#ifndef CULVERT_IKE_CONN_H
#define CULVERT_IKE_CONN_H

#include "ike/core.h"

struct ike_connection *ike_conn_find(const struct ike_engine *e, const char *name);
/* What the driver asks (CONN_SET, CONN_REMOVE, UP or ACQUIRE, DOWN). CV_E_NOTFOUND, CV_E_NOMEM, CV_E_STATE.
 */
enum cv_err ike_conn_set(struct ike_engine *e, const struct ike_conn *wanted) CV_NODISCARD;
enum cv_err ike_conn_remove(struct ike_engine *e, const char *name) CV_NODISCARD;
enum cv_err ike_conn_up(struct ike_engine *e, const struct ike_event *event) CV_NODISCARD;
enum cv_err ike_conn_down(struct ike_engine *e, const char *name, uint64_t request_id) CV_NODISCARD;
/* Takes all down. */
void ike_conn_shutdown(struct ike_engine *e);
/* For the engine's end. */
void ike_conn_free_all(struct ike_engine *e);

/* Connections that may answer a peer on this path, the most specific first. Start with a zero walk; NULL: no
 * more. */
struct ike_conn_walk {
	struct ike_link *link;
	uint8_t stage;
};
struct ike_connection *ike_conn_next(const struct ike_engine *e, const struct ike_path *path,
				     struct ike_conn_walk *walk);

/* Links to the connections that are configured with exactly this peer address. */
struct ike_link *ike_conn_of_peer(const struct ike_engine *e, const struct cv_ip *ip);

/* Files an IKE SA with its connection, moves it to another one, takes it out. */
void ike_conn_adopt(struct ike_connection *conn, struct ike_sa *sa);
void ike_conn_move(struct ike_connection *conn, struct ike_sa *sa);
void ike_conn_release(struct ike_sa *sa);
/* It is established: before all others from now on, so that it is found without a search among strangers. */
void ike_conn_raise(struct ike_sa *sa);
/* The established IKE SA that carries the connection; NULL: none. */
struct ike_sa *ike_conn_sa(const struct ike_connection *conn);
/* Is there another one, with children? */
bool ike_conn_has_other(const struct ike_sa *but);
/* An IKE SA left the living (once for each). was: its state before. */
void ike_conn_sa_ended(struct ike_sa *sa, uint8_t was, const char *why);
/* The peer ended the rung that won and kept one that lost: that one takes over. False: there is none. */
bool ike_conn_promote(struct ike_connection *conn);
/* Ends an IKE SA with a Delete where the peer may know it. why: a constant text. */
void ike_conn_delete_sa(struct ike_sa *sa, const char *why);
/* A new IKE SA of ours stands: those of the connection whose stream was lost wait in vain. */
void ike_conn_drop_cut_off(struct ike_sa *heir);
/* Tells those who wait for the connection when nothing is under way any more. */
void ike_conn_settle(struct ike_connection *conn);
/* Bringing it up has failed. */
void ike_conn_failed(struct ike_connection *conn, const char *text);
/* A line for those who wait. */
void ike_conn_progress(struct ike_connection *conn, const char *text);

#endif
