/* The queue of what the driver is to do. */
#ifndef CULVERT_IKE_OUTPUT_H
#define CULVERT_IKE_OUTPUT_H

#include "ike/core.h"

/* A message is copied. Without memory it is lost, as on a network. */
void ike_out_send(struct ike_engine *e, const struct ike_path *path, struct cv_bytes message);
void ike_out_stream_open(struct ike_engine *e, const struct ike_path *path);
void ike_out_stream_close(struct ike_engine *e, const struct ike_path *path);
enum cv_err ike_out_want_secret(struct ike_engine *e, uint64_t request_id,
				const struct ike_secret_query *query) CV_NODISCARD;
/* The child is copied, with its keys, and wiped when the driver took it. */
enum cv_err ike_out_child_install(struct ike_engine *e, const struct ike_child_sa *child) CV_NODISCARD;
void ike_out_child_path(struct ike_engine *e, uint32_t spi_in, const struct ike_path *path);
void ike_out_child_remove(struct ike_engine *e, uint32_t spi_in);
void ike_out_usage_wanted(struct ike_engine *e, uint32_t spi_in);
void ike_out_keepalive(struct ike_engine *e, const struct ike_path *path);
void ike_out_idle(struct ike_engine *e);
void ike_out_report(struct ike_engine *e, uint8_t kind, const char *conn, uint64_t request_id,
		    const char *text);
/* Frees and wipes what nobody took. */
void ike_out_clear(struct ike_engine *e);

#endif
