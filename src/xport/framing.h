/* RFC 9329 sections 3 and 4: the stream prefix, and messages behind a 16-bit length. A pure state machine
 * over octets, independent of what carries them (R9329-3-10). */
#ifndef CULVERT_XPORT_FRAMING_H
#define CULVERT_XPORT_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"

#define XPORT_PREFIX_LEN  6
#define XPORT_LENGTH_LEN  2				       /* of the length field, which counts itself */
#define XPORT_MARKER_LEN  4				       /* non-ESP marker */
#define XPORT_FRAME_MAX	  65535				       /* the whole frame */
#define XPORT_MESSAGE_MAX (XPORT_FRAME_MAX - XPORT_LENGTH_LEN) /* R9329-3-7; for IKE with its marker */
#define XPORT_KEEPALIVE	  0xff /* the one octet of a NAT keepalive (RFC 3948 section 2.3) */

extern const uint8_t xport_prefix[XPORT_PREFIX_LEN]; /* "IKETCP" */

enum xport_frame_kind {
	XPORT_FRAME_NONE,   /* more octets are needed */
	XPORT_FRAME_PREFIX, /* the stream prefix is complete; its octets carry nothing else */
	XPORT_FRAME_IKE,    /* message: without marker */
	XPORT_FRAME_ESP,
	XPORT_FRAME_IGNORED,	/* empty message or NAT keepalive (R9329-3-9, R9329-6.6-2) */
	XPORT_FRAME_JUNK,	/* a whole message that is too short to be IKE or ESP */
	XPORT_FRAME_BAD_PREFIX, /* fatal: close the stream; it returns for ever */
	XPORT_FRAME_BAD_LENGTH, /* fatal, as above: Length 0 or 1 (R9329-3.1-3, R9329-3.2-4) */
};

struct xport_frame {
	uint8_t kind; /* enum xport_frame_kind */
	uint8_t *message;
	size_t len;
};

/* Zero-initialised: a stream whose peer sends no prefix (we dialled). */
struct xport_deframer {
	bool wants_prefix; /* an accepted stream, until the prefix was seen */
	uint8_t fatal;	   /* enum xport_frame_kind once the stream is broken */
};

/* Takes the first frame of buf[0..len) and returns how many of its octets are used up: 0 with
 * XPORT_FRAME_NONE and the fatal kinds. What is not used up has to stand in front of later octets when they
 * come. The message stays in place and may be written to. */
size_t xport_deframe(struct xport_deframer *d, uint8_t *buf, size_t len, struct xport_frame *out);

/* What a message behind a UDP header on a port with marker is, or one inside a frame. len is the whole
 * message; for IKE out points behind the marker. */
void xport_classify(uint8_t *message, size_t len, struct xport_frame *out);

/* Writes the length field for a message of message_len octets (6 - 2 <= message_len <= XPORT_MESSAGE_MAX).
 * Nothing shorter is ever sent: deployed peers close the stream at it. */
void xport_frame_put_length(uint8_t at[XPORT_LENGTH_LEN], size_t message_len);
/* Appends a whole IKE frame (length, marker, message). CV_E_LIMIT: too long or empty; CV_E_NOSPACE. */
enum cv_err xport_frame_ike(struct cv_writer *w, struct cv_bytes message) CV_NODISCARD;
/* How far the first frame boundary at or behind `offset` lies from the start of frames[0..len), which holds
 * whole frames of our own making. */
size_t xport_frame_boundary(const uint8_t *frames, size_t len, size_t offset);

#endif
