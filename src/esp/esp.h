/* The ESP transform (RFC 4303) for userspace: seal, open, replay window, selectors. No I/O, no locks: an
 * object belongs to the one thread that uses it; outbound and inbound halves are separate objects. */
#ifndef CULVERT_ESP_ESP_H
#define CULVERT_ESP_ESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bytes.h"
#include "lib/err.h"
#include "lib/secret.h"
#include "wire/payloads.h"

struct esp_params {
	uint32_t spi;
	uint16_t encr; /* enum wire_encr */
	uint16_t key_bits;
	uint16_t integ;		  /* enum wire_integ; 0 with AEAD */
	bool esn;		  /* 64-bit sequence numbers (RFC 4303 section 2.2.1) */
	uint32_t replay_window;	  /* inbound; packets, 0: off */
	struct cv_bytes encr_key; /* with salt */
	struct cv_bytes integ_key;
};

struct esp_out;
struct esp_in;

enum cv_err esp_out_new(const struct esp_params *params, struct esp_out **out) CV_NODISCARD;
void esp_out_free(struct esp_out *sa);
enum cv_err esp_in_new(const struct esp_params *params, struct esp_in **out) CV_NODISCARD;
void esp_in_free(struct esp_in *sa);

/* Octets in front of the inner packet (SPI, sequence number, IV). */
size_t esp_out_header_len(const struct esp_out *sa);
/* Exact octets of the whole ESP packet for an inner packet of that length. */
size_t esp_out_packet_len(const struct esp_out *sa, size_t inner_len);
/* Largest inner packet whose ESP packet has at most esp_len octets. */
size_t esp_out_inner_max(const struct esp_out *sa, size_t esp_len);
/* Seals in place: the inner packet stands at buf + esp_out_header_len; buf has room for esp_out_packet_len.
 * next_header: 4 or 41 in tunnel mode, 59 for a dummy. CV_E_LIMIT when the sequence number would cycle: the
 * SA is spent. */
enum cv_err esp_out_seal(struct esp_out *sa, uint8_t *buf, size_t inner_len,
			 uint8_t next_header) CV_NODISCARD;
uint64_t esp_out_sequence(const struct esp_out *sa); /* of the last sealed packet */

struct esp_opened {
	uint8_t *inner; /* in place, inside the packet */
	size_t inner_len;
	uint8_t next_header;
	uint64_t sequence;
	bool newest; /* the highest sequence number so far: may move the path */
};

/* Opens in place. Checks the replay window, then the ICV, then updates the window (RFC 4303 section 3.4.3),
 * then checks the padding. CV_E_AUTH, CV_E_REPLAY, CV_E_TRUNCATED, CV_E_SYNTAX: drop and count. A dummy
 * packet (next_header 59) opens like any other; the caller drops it silently (section 2.6). inner_len
 * includes traffic flow padding behind the inner packet (section 2.7); esp_flow.len tells where it begins. */
enum cv_err esp_in_open(struct esp_in *sa, uint8_t *packet, size_t len, struct esp_opened *out) CV_NODISCARD;

/* --- inner packets --- */

/* What selectors look at. */
struct esp_flow {
	struct cv_ip src, dst;
	uint8_t protocol;  /* the first that is not an IPv6 extension header */
	bool ports;	   /* the ports are known: not in a later fragment, nor in a protocol without ports */
	bool fragment;	   /* not the first fragment */
	uint16_t src_port; /* ICMP: type and code as RFC 4301 section 4.4.1.1 packs them; 0: unknown */
	uint16_t dst_port; /* ICMP: the same again */
	size_t len;	   /* octets of the packet by its own header; padding may follow it */
};
/* Reads an IPv4 or IPv6 packet's headers; CV_E_TRUNCATED, or CV_E_SYNTAX when they lie about lengths. */
enum cv_err esp_flow_read(struct cv_bytes packet, struct esp_flow *out) CV_NODISCARD;

/* --- selector lookup: constant time in the number of entries for prefixes --- */
/* Maps a flow to an opaque object: the most specific matching (local, remote) pair (addresses before protocol
 * before ports), newest first. */
struct esp_spd;
/* seed: randomness for the hash. */
enum cv_err esp_spd_new(const uint8_t seed[16], struct esp_spd **out) CV_NODISCARD;
void esp_spd_free(struct esp_spd *spd); /* not the objects; NULL is fine */
/* Every local selector pairs with every remote one. CV_E_NOMEM leaves the table as it was. */
enum cv_err esp_spd_add(struct esp_spd *spd, const struct wire_ts_list *local,
			const struct wire_ts_list *remote, void *object) CV_NODISCARD;
void esp_spd_remove(struct esp_spd *spd,
		    const void *object); /* all its selectors; harmless when there are none */
/* src is matched against local, dst against remote. NULL: no policy, the packet is dropped (RFC 4301
 * section 5.1). */
void *esp_spd_find(const struct esp_spd *spd, const struct esp_flow *flow);
/* Does an inbound packet fit the SA (src remote, dst local; RFC 4301 section 5.2)? ICMP's type and code count
 * on the sender's side only (section 4.4.1.3); a packet without known ports fits ANY and OPAQUE only
 * (sections 4.4.1.1, 7.3). */
bool esp_selectors_allow(const struct wire_ts_list *src, const struct wire_ts_list *dst,
			 const struct esp_flow *flow);

/* --- ECN and DSCP at decapsulation and encapsulation (RFC 6040, RFC 4301 section 5.1.2) --- */
/* outer_ecn: 0..3 as received (0 where unknown, e.g. TCP). False: the packet must be dropped. Fixes the
 * checksum. */
bool esp_decap_ecn(uint8_t *inner, size_t len, uint8_t outer_ecn);
uint8_t esp_packet_tos(struct cv_bytes packet); /* the whole TOS / traffic class octet */

#endif
