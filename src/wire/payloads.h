/* The payload families (RFC 7296 section 3.3 to 3.14): each has a typed value, a decode function that checks
 * everything the section demands, and a build function that adds the payload to a message. Views point into
 * the decoded message. Each family has its own .c file. */
#ifndef CULVERT_WIRE_PAYLOADS_H
#define CULVERT_WIRE_PAYLOADS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bytes.h"
#include "lib/err.h"
#include "wire/message.h"
#include "wire/numbers.h"

/* --- SA (3.3) --- */
struct wire_transform {
	uint8_t type;         /* enum wire_transform_type, or unknown */
	uint16_t id;
	uint16_t key_bits;    /* Key Length attribute, 0: absent */
	bool unusable;        /* has an unknown attribute or one given twice: never choose it (3.3.6) */
};

#define WIRE_TRANSFORMS_MAX 64
#define WIRE_PROPOSALS_MAX  16

struct wire_proposal {
	uint8_t number;
	uint8_t protocol;      /* enum wire_protocol */
	uint8_t spi_len;       /* 0, 4 or 8 */
	uint64_t spi;          /* of spi_len octets */
	uint8_t transform_count;
	struct wire_transform transform[WIRE_TRANSFORMS_MAX];
};

struct wire_sa {
	uint8_t count;
	struct wire_proposal proposal[WIRE_PROPOSALS_MAX];
};

/* Proposals beyond WIRE_PROPOSALS_MAX and transforms beyond WIRE_TRANSFORMS_MAX are checked and left out. */
enum cv_err wire_sa_decode(struct cv_bytes body, struct wire_sa *out) CV_NODISCARD;
void wire_sa_build(struct wire_builder *b, const struct wire_sa *sa);

/* --- KE (3.4) --- */
struct wire_ke_payload {
	uint16_t group;
	struct cv_bytes data;
};
enum cv_err wire_ke_decode(struct cv_bytes body, struct wire_ke_payload *out) CV_NODISCARD;
void wire_ke_build(struct wire_builder *b, uint16_t group, struct cv_bytes data);

/* --- ID (3.5) --- */
struct wire_id {
	uint8_t type; /* enum wire_id_type */
	struct cv_bytes data;
};
enum cv_err wire_id_decode(struct cv_bytes body, struct wire_id *out) CV_NODISCARD;
void wire_id_build(struct wire_builder *b, uint8_t payload_type, const struct wire_id *id); /* WIRE_IDI, WIRE_IDR */

/* --- AUTH (3.8) --- */
struct wire_auth {
	uint8_t method;
	struct cv_bytes data;
};
enum cv_err wire_auth_decode(struct cv_bytes body, struct wire_auth *out) CV_NODISCARD;
void wire_auth_build(struct wire_builder *b, uint8_t method, struct cv_bytes data);

/* --- Nonce (3.9): the body itself; 16 to 256 octets or CV_E_SYNTAX --- */
enum cv_err wire_nonce_decode(struct cv_bytes body, struct cv_bytes *out) CV_NODISCARD;
void wire_nonce_build(struct wire_builder *b, struct cv_bytes nonce);

/* --- Notify (3.10) --- */
struct wire_notify_payload {
	uint8_t protocol;
	uint8_t spi_len; /* 0, 4 or 8 */
	uint64_t spi;
	uint16_t type;   /* enum wire_notify, or unknown */
	struct cv_bytes data;
};
enum cv_err wire_notify_decode(struct cv_bytes body, struct wire_notify_payload *out) CV_NODISCARD;
void wire_notify_build(struct wire_builder *b, const struct wire_notify_payload *n);
/* The usual form: protocol 0, no SPI. */
void wire_notify_build_plain(struct wire_builder *b, uint16_t type, struct cv_bytes data);
/* First notify of that type in the chain; false when there is none. Undecodable ones are skipped. */
bool wire_notify_find(const struct wire_chain *chain, uint16_t type, struct wire_notify_payload *out);
/* First notify with an error type (below 16384). */
bool wire_notify_find_error(const struct wire_chain *chain, struct wire_notify_payload *out);

/* --- Delete (3.11) --- */
#define WIRE_DELETE_SPIS_MAX 128
struct wire_delete {
	uint8_t protocol;
	uint16_t count;
	uint32_t spi[WIRE_DELETE_SPIS_MAX]; /* ESP and AH; more than these are checked and left out */
};
enum cv_err wire_delete_decode(struct cv_bytes body, struct wire_delete *out) CV_NODISCARD;
void wire_delete_build(struct wire_builder *b, const struct wire_delete *d);

/* --- Traffic Selectors (3.13) --- */
struct wire_ts {
	struct cv_ip first;
	struct cv_ip last;
	uint8_t protocol;   /* 0: any */
	uint16_t port_first;
	uint16_t port_last; /* ANY is 0-65535, OPAQUE 65535-0 */
};
#define WIRE_TS_MAX 32
struct wire_ts_list {
	uint8_t count;
	struct wire_ts ts[WIRE_TS_MAX];
};
/* Selectors of unknown type are left out; more than WIRE_TS_MAX is CV_E_LIMIT. */
enum cv_err wire_ts_decode(struct cv_bytes body, struct wire_ts_list *out) CV_NODISCARD;
void wire_ts_build(struct wire_builder *b, uint8_t payload_type, const struct wire_ts_list *list); /* WIRE_TSI/TSR */
/* "192.0.2.0/24", "10.0.0.1-10.0.0.9", with "/tcp/80" when narrower. */
#define WIRE_TS_TEXT_MAX 128
const char *wire_ts_text(const struct wire_ts *ts, char out[WIRE_TS_TEXT_MAX]);

/* --- Vendor ID (3.12) --- */
void wire_vendor_build(struct wire_builder *b, struct cv_bytes id);

/* Whole-message check for fuzzing and tests: decodes every payload of every family in `message` that stands
 * outside SK. CV_OK when all is well formed. */
enum cv_err wire_message_check(struct cv_bytes message) CV_NODISCARD;

#endif
