/* A host: a real engine, the user in front of it, the fake plane behind it. */
#ifndef CULVERT_SIM_HOST_H
#define CULVERT_SIM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "ike/engine.h"
#include "network.h"
#include "plan.h"
#include "rng.h"

#define SIM_CHILDREN_MAX 64
#define SIM_REQUESTS_MAX 96

struct sim;

/* What the fake plane keeps of a Child SA. */
struct sim_child {
	bool used;
	struct ike_child_sa sa;
	uint64_t last_in_ms, last_out_ms;
	bool refusing; /* the plane could not install it, and says so soon */
};

/* What the user asked for, and what came of it. */
struct sim_request {
	uint64_t id;
	bool up; /* else down */
	unsigned conn;
	uint64_t asked_ms;
	uint64_t answered_ms; /* 0: not yet */
	uint8_t answer;	      /* enum ike_report_kind */
	uint8_t transport;    /* UP: on which it stands */
	bool void_;	      /* the host crashed meanwhile: no answer can come */
	uint32_t within_ms;
	uint8_t must_transport;
};

struct sim_host {
	struct sim *sim;
	unsigned index;
	unsigned node;
	char name[8];
	const struct sim_host_plan *plan;
	struct ike_engine *engine; /* NULL: not running */
	unsigned incarnation;
	struct sim_rng rng;    /* the engine's randomness */
	struct sim_rng chance; /* the host's own */
	bool has_conn[SIM_CONNS_MAX];
	bool asked_up; /* since it started */
	bool stopping; /* SHUTDOWN was sent */
	bool idle;     /* IDLE came */
	bool draining;
	struct sim_child child[SIM_CHILDREN_MAX];
	unsigned request_count;
	struct sim_request request[SIM_REQUESTS_MAX];
	uint64_t sent, established, over_tcp;
};

void sim_host_init(struct sim_host *h, struct sim *s, unsigned index);
/* Makes the engine and gives it its connections. */
void sim_host_start(struct sim_host *h);
/* Frees the engine as a crash does. */
void sim_host_crash(struct sim_host *h);
/* The engine's timers. */
uint64_t sim_host_next_ms(const struct sim_host *h);
void sim_host_tick(struct sim_host *h);

/* The user's wishes. The request is NULL when the engine refused it at once, or there is no engine. */
/* within_ms, transport: what must come of it; 0: no demand. */
struct sim_request *sim_host_up(struct sim_host *h, unsigned conn, uint32_t within_ms, uint8_t transport);
struct sim_request *sim_host_down(struct sim_host *h, unsigned conn);
void sim_host_add(struct sim_host *h, unsigned conn);
void sim_host_remove(struct sim_host *h, unsigned conn);
void sim_host_acquire(struct sim_host *h, unsigned conn);
void sim_host_shutdown(struct sim_host *h);
/* Which end of that connection this host is; -1: none. */
int sim_host_end(const struct sim_host *h, unsigned conn);

const char *sim_host_conn_name(const struct sim_host *h, unsigned conn);
/* Hands an event to the engine and carries out what comes out. */
enum cv_err sim_host_event(struct sim_host *h, const struct ike_event *event);

/* --- output.c --- */
void sim_host_output(struct sim_host *h, const struct ike_output *out);
void sim_host_trace(struct sim_host *h, const char *arrow, const struct ike_path *path,
		    struct cv_bytes message);

/* --- plane.c --- */
void sim_plane_output(struct sim_host *h, const struct ike_output *out);
void sim_plane_esp(struct sim_host *h, const struct ike_path *path, struct cv_bytes data);
/* Sends one inner packet over every Child SA. */
void sim_plane_traffic(struct sim_host *h);
unsigned sim_plane_count(const struct sim_host *h);
struct sim_child *sim_plane_find(struct sim_host *h, uint32_t spi_in);
void sim_plane_clear(struct sim_host *h);
/* On a path by its transport; false: the path leads nowhere. */
bool sim_path_send(struct sim_host *h, const struct ike_path *path, uint8_t kind, struct cv_bytes data);

#endif
