#include "ike/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most outputs are small: what is large hangs on `extra`. */
struct ike_out_node {
	struct ike_out_node *next;
	uint8_t type;
	uint8_t report;
	uint32_t spi_in;
	uint64_t request_id;
	struct ike_path path;
	char conn[IKE_NAME_MAX];
	void *extra; /* message, query, child or text */
	size_t extra_len;
};

static void node_free(struct ike_out_node *node)
{
	if (!node)
		return;
	if (node->extra)
		cv_wipe(node->extra, node->extra_len);
	free(node->extra);
	free(node);
}

static struct ike_out_node *push(struct ike_engine *e, uint8_t type, const void *extra, size_t extra_len)
{
	struct ike_out_node *node = calloc(1, sizeof(*node));

	if (node && extra_len) {
		node->extra = malloc(extra_len);
		if (node->extra) {
			memcpy(node->extra, extra, extra_len);
			node->extra_len = extra_len;
		}
	}
	if (!node || (extra_len && !node->extra)) {
		free(node);
		cv_log(CV_LOG_ERROR, "ike", NULL,
		       "out of memory: something the engine decided is not carried out");
		return NULL;
	}
	node->type = type;
	if (e->out_last)
		e->out_last->next = node;
	else
		e->out_first = node;
	e->out_last = node;
	return node;
}

static void push_path(struct ike_engine *e, uint8_t type, const struct ike_path *path, const void *extra,
		      size_t len)
{
	struct ike_out_node *node = push(e, type, extra, len);

	if (node)
		node->path = *path;
}

static void push_spi(struct ike_engine *e, uint8_t type, uint32_t spi_in)
{
	struct ike_out_node *node = push(e, type, NULL, 0);

	if (node)
		node->spi_in = spi_in;
}

void ike_out_send(struct ike_engine *e, const struct ike_path *path, struct cv_bytes message)
{
	e->counters.messages_out++;
	push_path(e, IKE_OUT_SEND, path, message.data, message.len);
}

void ike_out_stream_open(struct ike_engine *e, const struct ike_path *path)
{
	push_path(e, IKE_OUT_STREAM_OPEN, path, NULL, 0);
}

void ike_out_stream_close(struct ike_engine *e, const struct ike_path *path)
{
	push_path(e, IKE_OUT_STREAM_CLOSE, path, NULL, 0);
}

enum cv_err ike_out_want_secret(struct ike_engine *e, uint64_t request_id,
				const struct ike_secret_query *query)
{
	struct ike_out_node *node = push(e, IKE_OUT_WANT_SECRET, query, sizeof(*query));

	if (!node)
		return CV_E_NOMEM;
	node->request_id = request_id;
	return CV_OK;
}

enum cv_err ike_out_child_install(struct ike_engine *e, const struct ike_child_sa *child)
{
	struct ike_out_node *node = push(e, IKE_OUT_CHILD_INSTALL, child, sizeof(*child));

	if (!node)
		return CV_E_NOMEM;
	node->spi_in = child->spi_in;
	return CV_OK;
}

void ike_out_child_path(struct ike_engine *e, uint32_t spi_in, const struct ike_path *path)
{
	struct ike_out_node *node = push(e, IKE_OUT_CHILD_PATH, NULL, 0);

	if (!node)
		return;
	node->spi_in = spi_in;
	node->path = *path;
}

void ike_out_child_remove(struct ike_engine *e, uint32_t spi_in)
{
	push_spi(e, IKE_OUT_CHILD_REMOVE, spi_in);
}

void ike_out_usage_wanted(struct ike_engine *e, uint32_t spi_in)
{
	push_spi(e, IKE_OUT_USAGE_WANTED, spi_in);
}

void ike_out_keepalive(struct ike_engine *e, const struct ike_path *path)
{
	push_path(e, IKE_OUT_KEEPALIVE, path, NULL, 0);
}

void ike_out_idle(struct ike_engine *e)
{
	push(e, IKE_OUT_IDLE, NULL, 0);
}

void ike_out_report(struct ike_engine *e, uint8_t kind, const char *conn, uint64_t request_id,
		    const char *text)
{
	struct ike_out_node *node = push(e, IKE_OUT_REPORT, text, strlen(text) + 1);

	if (!node)
		return;
	node->report = kind;
	node->request_id = request_id;
	snprintf(node->conn, sizeof(node->conn), "%s", conn);
}

static void fill_extra(struct ike_output *out, const struct ike_out_node *node)
{
	switch (node->type) {
	case IKE_OUT_SEND: out->message = cv_bytes(node->extra, node->extra_len); break;
	case IKE_OUT_WANT_SECRET: memcpy(&out->query, node->extra, sizeof(out->query)); break;
	case IKE_OUT_CHILD_INSTALL: out->child = node->extra; break;
	case IKE_OUT_REPORT: snprintf(out->text, sizeof(out->text), "%s", (const char *)node->extra); break;
	default: break;
	}
}

struct ike_output ike_engine_output(struct ike_engine *e)
{
	struct ike_output out = { .type = IKE_OUT_NONE };
	struct ike_out_node *node = e->out_first;

	node_free(e->out_given);
	e->out_given = node;
	if (!node)
		return out;
	e->out_first = node->next;
	if (!e->out_first)
		e->out_last = NULL;
	out.type = node->type;
	out.report = node->report;
	out.spi_in = node->spi_in;
	out.request_id = node->request_id;
	out.path = node->path;
	memcpy(out.conn, node->conn, sizeof(out.conn));
	fill_extra(&out, node);
	return out;
}

void ike_out_clear(struct ike_engine *e)
{
	while (e->out_first) {
		struct ike_out_node *next = e->out_first->next;

		node_free(e->out_first);
		e->out_first = next;
	}
	e->out_last = NULL;
	node_free(e->out_given);
	e->out_given = NULL;
}
