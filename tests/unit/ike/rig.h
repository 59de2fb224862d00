/* Two engines, A and B, and a network between them that delivers one message at a time. Tests read like the
 * ladder diagrams of the RFC: what A says, what B answers, what gets lost. The clock stands still unless a
 * test moves it. */
#ifndef CULVERT_TEST_IKE_RIG_H
#define CULVERT_TEST_IKE_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "ike/engine.h"
#include "wire/message.h"

enum { RIG_CHILDREN_MAX = 32, RIG_PACKETS_MAX = 64, RIG_STREAMS_MAX = 16, RIG_REPORTS_MAX = 64 };

enum rig_tcp { RIG_TCP_OPEN, RIG_TCP_REFUSED, RIG_TCP_SILENT };

struct rig_report {
	uint8_t kind;
	uint64_t request_id;
	char conn[IKE_NAME_MAX];
	char text[512];
};

struct rig;

struct rig_end {
	struct rig *rig;
	struct ike_engine *e;
	struct cv_ip ip;
	uint64_t seed;
	const char *secret;	       /* for every identity; NULL: none is found */
	bool hold_secret;	       /* questions are kept until rig_answer_secret */
	uint64_t secret_asked;	       /* the question kept; 0: none */
	struct ike_secret_query query; /* the latest */
	unsigned child_count;
	struct ike_child_sa child[RIG_CHILDREN_MAX]; /* installed now */
	unsigned report_count;
	struct rig_report report[RIG_REPORTS_MAX];
	unsigned keepalives;
	unsigned usage_wanted;
	unsigned streams_closed;
	bool idle;
	bool many; /* more children than are looked at */
};

/* A message on its way. */
struct rig_packet {
	struct rig_end *to;
	struct ike_path path; /* as the receiver sees it */
	size_t len;
	uint8_t data[8192];
};

struct rig {
	struct rig_end a, b;
	uint64_t now;
	bool udp_blocked;
	bool udp_refused;
	enum rig_tcp tcp;
	bool nat_a; /* A is behind a NAT */
	struct cv_ip nat_ip;
	uint16_t nat_shift; /* added to A's port */
	unsigned packet_count;
	struct rig_packet packet[RIG_PACKETS_MAX];
	unsigned stream_count;
	struct {
		uint64_t a_id, b_id;
		struct rig_end *dialler;
		struct cv_addr from, to;
		bool open;
	} stream[RIG_STREAMS_MAX];
	unsigned sent_udp, sent_tcp;
};

/* Configurations to change before rig_conn_set. */
void rig_conn(struct ike_conn *conn, const char *name, const char *local_ip, const char *remote_ip);
void rig_child(struct ike_conn *conn, unsigned index, const char *local, const char *remote);
struct wire_ts rig_ts(const char *prefix);
/* protocol IKE when prf is not 0, else ESP. key_bits 0 for ChaCha20; integ 0 with AEAD; ke 0: none. */
void rig_proposal(struct wire_sa *sa, uint16_t encr, uint16_t key_bits, uint16_t prf, uint16_t integ,
		  uint16_t ke);

/* Engines at 192.0.2.1 (A) and 192.0.2.2 (B) with the same secret, and no connections. */
struct rig *rig_new(const struct ike_engine_config *config);
/* The usual: connection "net" on both, 10.0.1.0/24 === 10.0.2.0/24, PSK, UDP only. */
struct rig *rig_new_usual(void);
void rig_free(struct rig *rig);
void rig_conn_set(struct rig_end *end, const struct ike_conn *conn);
/* The usual configuration of an end, to be changed. */
void rig_usual(struct rig_end *end, struct ike_conn *conn);

enum cv_err rig_up(struct rig_end *end, const char *conn, uint64_t request_id);
enum cv_err rig_down(struct rig_end *end, const char *conn, uint64_t request_id);
enum cv_err rig_event(struct rig_end *end, const struct ike_event *event);
/* Carries out what the engine has put out; the other functions do that by themselves. */
void rig_drain(struct rig_end *end);
void rig_answer_secret(struct rig_end *end, const char *secret);

/* The oldest message on its way arrives, is lost, is taken out, or is delivered without leaving. */
bool rig_deliver(struct rig *rig);
void rig_lose(struct rig *rig);
struct rig_packet *rig_peek(struct rig *rig);
void rig_inject(struct rig_end *to, const struct ike_path *path, const void *data, size_t len);
/* Everything arrives until nothing is on its way. */
void rig_run(struct rig *rig);
/* Time passes: timers fire, and everything arrives at once (unless it is blocked). */
void rig_pass(struct rig *rig, uint64_t ms);
/* Time passes, and nothing arrives. */
void rig_wait(struct rig *rig, uint64_t ms);
/* The stream numbered n (in the order of dialling) breaks. */
void rig_break_stream(struct rig *rig, unsigned n);

struct wire_header rig_header(const struct rig_packet *packet);
/* The next message on its way is of that exchange, and a response or not, for that end. */
void rig_expect(struct rig *rig, const struct rig_end *to, uint8_t exchange, bool response);
/* First notify of that type in an unprotected message. */
bool rig_has_notify(const struct rig_packet *packet, uint16_t type);

/* How many IKE SAs are in that state. */
unsigned rig_count(const struct rig_end *end, uint8_t state);
bool rig_sa(const struct rig_end *end, struct ike_sa_info *out); /* the first established one */
const struct rig_report *rig_last_report(const struct rig_end *end, uint8_t kind); /* NULL: none */
bool rig_said(const struct rig_end *end, uint8_t kind, const char *part);
/* Both ends have installed the same pairs with the same keys, crosswise. */
void rig_assert_same_children(const struct rig *rig, unsigned count);
/* Nothing is left at either end. */
void rig_assert_nothing_left(struct rig *rig);

#endif
