/* The payload families (RFC 7296 section 3.3 to 3.14): each has a typed value, a decode function that checks
 * everything the section demands, and a build function that adds the payload to a message. Views point into
 * the decoded message. Each family has its own .c file.
 *
 * A decode function takes the payload's body without its generic header. What breaks the section's rules is
 * CV_E_SYNTAX, to be answered with INVALID_SYNTAX; *out is of no use then. RESERVED fields are ignored, and
 * zero when built. A value that can't be built (a count beyond its array, an SPI length that the protocol
 * doesn't have) fails the builder, so wire_build_finish says CV_E_NOSPACE. */
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
	uint8_t type; /* enum wire_transform_type, or unknown */
	uint16_t id;
	uint16_t key_bits; /* Key Length attribute, 0: absent */
	bool unusable;	   /* has an attribute that is unknown, given twice, zero or in the wrong form: never
			    * choose it (3.3.6) */
};

#define WIRE_TRANSFORMS_MAX 64
#define WIRE_PROPOSALS_MAX  16

struct wire_proposal {
	uint8_t number;
	uint8_t protocol; /* enum wire_protocol */
	uint8_t spi_len;  /* IKE: 0 or 8; AH, ESP: 4; unknown protocols: 0 whatever was there */
	uint64_t spi;	  /* of spi_len octets */
	uint8_t transform_count;
	struct wire_transform transform[WIRE_TRANSFORMS_MAX];
};

struct wire_sa {
	uint8_t count;
	struct wire_proposal proposal[WIRE_PROPOSALS_MAX];
};

/* At least one proposal, the numbers counting up by one; that an offer begins with 1, and which length of SPI
 * the exchange wants, is for the caller to check. Proposals beyond WIRE_PROPOSALS_MAX and transforms beyond
 * WIRE_TRANSFORMS_MAX are checked and left out. */
enum cv_err wire_sa_decode(struct cv_bytes body, struct wire_sa *out) CV_NODISCARD;
void wire_sa_build(struct wire_builder *b, const struct wire_sa *sa);

/* --- KE (3.4): whether the data fits the group is for crypto/ --- */
struct wire_ke_payload {
	uint16_t group;
	struct cv_bytes data;
};
enum cv_err wire_ke_decode(struct cv_bytes body, struct wire_ke_payload *out) CV_NODISCARD;
void wire_ke_build(struct wire_builder *b, uint16_t group, struct cv_bytes data);

/* --- ID (3.5): an address has the length of its type, ID_NULL has no data; unknown types pass --- */
struct wire_id {
	uint8_t type; /* enum wire_id_type */
	struct cv_bytes data;
};
enum cv_err wire_id_decode(struct cv_bytes body, struct wire_id *out) CV_NODISCARD;
void wire_id_build(struct wire_builder *b, uint8_t payload_type,
		   const struct wire_id *id); /* WIRE_IDI, WIRE_IDR */

/* --- AUTH (3.8): the data is not empty --- */
struct wire_auth {
	uint8_t method;
	struct cv_bytes data;
};
enum cv_err wire_auth_decode(struct cv_bytes body, struct wire_auth *out) CV_NODISCARD;
void wire_auth_build(struct wire_builder *b, uint8_t method, struct cv_bytes data);

/* --- Nonce (3.9): the body itself; 16 to 256 octets or CV_E_SYNTAX --- */
enum cv_err wire_nonce_decode(struct cv_bytes body, struct cv_bytes *out) CV_NODISCARD;
void wire_nonce_build(struct wire_builder *b, struct cv_bytes nonce);

/* --- Notify (3.10): 4 octets of SPI for AH and ESP, 8 for IKE, or none; the data of
 * UNSUPPORTED_CRITICAL_PAYLOAD (1), INVALID_KE_PAYLOAD (2), SET_WINDOW_SIZE (4), NAT_DETECTION_* (20) and
 * COOKIE (1 to 64) has its length --- */
struct wire_notify_payload {
	uint8_t protocol;
	uint8_t spi_len; /* 0, 4 or 8 */
	uint64_t spi;
	uint16_t type; /* enum wire_notify, or unknown */
	struct cv_bytes data;
};
enum cv_err wire_notify_decode(struct cv_bytes body, struct wire_notify_payload *out) CV_NODISCARD;
void wire_notify_build(struct wire_builder *b, const struct wire_notify_payload *n);
/* The usual form: protocol 0, no SPI. */
void wire_notify_build_plain(struct wire_builder *b, uint16_t type, struct cv_bytes data);
/* First notify of that type in the chain; false when there is none. Undecodable ones are skipped. */
bool wire_notify_find(const struct wire_chain *chain, uint16_t type, struct wire_notify_payload *out);
/* First notify with an error type (below 16384), known or not; false and zeroes when there is none. */
bool wire_notify_find_error(const struct wire_chain *chain, struct wire_notify_payload *out);

/* --- Delete (3.11): for protocol IKE there is no SPI and count is 0 --- */
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
	uint8_t protocol; /* 0: any */
	uint16_t port_first;
	uint16_t port_last; /* ANY is 0-65535, OPAQUE 65535-0 */
};
#define WIRE_TS_MAX 32
struct wire_ts_list {
	uint8_t count;
	struct wire_ts ts[WIRE_TS_MAX];
};
/* Selectors of unknown type are left out (so count may be 0); more than WIRE_TS_MAX is CV_E_LIMIT. A range
 * that runs backwards is CV_E_SYNTAX, and so are ports without a protocol. */
enum cv_err wire_ts_decode(struct cv_bytes body, struct wire_ts_list *out) CV_NODISCARD;
void wire_ts_build(struct wire_builder *b, uint8_t payload_type,
		   const struct wire_ts_list *list); /* WIRE_TSI, _TSR */
/* "192.0.2.0/24", "10.0.0.1-10.0.0.9", with "/tcp/80" when narrower, "/icmp/8.0" for type and code. */
#define WIRE_TS_TEXT_MAX 128
const char *wire_ts_text(const struct wire_ts *ts, char out[WIRE_TS_TEXT_MAX]);

/* --- Vendor ID (3.12) --- */
void wire_vendor_build(struct wire_builder *b, struct cv_bytes id);

/* Whole-message check for fuzzing and tests: decodes every payload of every family in `message` that stands
 * outside SK. CV_OK when all is well formed; CV_E_TRUNCATED, CV_E_UNSUPPORTED (a foreign major version),
 * CV_E_SYNTAX or CV_E_LIMIT. */
enum cv_err wire_message_check(struct cv_bytes message) CV_NODISCARD;

#endif
