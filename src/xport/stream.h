/* The two halves of a TCP stream of RFC 9329. Each half belongs to the one thread that uses it; both know
 * only the descriptor, and neither closes it. */
#ifndef CULVERT_XPORT_STREAM_H
#define CULVERT_XPORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/uio.h>

#include "lib/bytes.h"
#include "lib/err.h"
#include "xport/framing.h"

/* --- reading --- */

struct xport_reader {
	struct xport_deframer deframer;
	uint8_t *partial; /* an incomplete frame, kept between reads; NULL: none */
	size_t partial_len;
};

enum xport_read {
	XPORT_READ_OCTETS, /* *len octets stand in buf */
	XPORT_READ_NOTHING,
	XPORT_READ_END, /* the peer closed, or *os_error says what broke; a partial frame is gone
			   (R9329-6.1-12) */
};

/* accepted: the peer has to send the prefix first. */
void xport_reader_init(struct xport_reader *r, bool accepted);
void xport_reader_free(struct xport_reader *r);
/* One read of up to cap octets, behind what was kept from the last (cap > XPORT_FRAME_MAX). */
enum xport_read xport_reader_read(struct xport_reader *r, int fd, uint8_t *buf, size_t cap, size_t *len,
				  int *os_error);
/* Keeps what the deframer left at the end of the octets read (at most a frame). CV_E_NOMEM: give the stream
 * up. */
enum cv_err xport_reader_keep(struct xport_reader *r, struct cv_bytes rest) CV_NODISCARD;

/* --- writing --- */

enum {
	XPORT_PENDING_MAX = 1024 * 1024, /* octets of sealed frames that wait for the socket */
	XPORT_IKE_QUEUE_MAX = 512 * 1024,
	XPORT_SPARES = 4,
};

/* Buffers for streams whose socket does not keep up, kept by the thread and lent to the stream while it has a
 * tail. */
struct xport_spares {
	uint8_t *buf[XPORT_SPARES];
	unsigned count;
};
void xport_spares_free(struct xport_spares *s);

struct xport_writer {
	uint8_t *pending; /* ESP frames; the first `cut` octets at `start` end a frame that is partly sent */
	size_t start;
	size_t end;
	size_t cut;
	uint8_t *ike; /* IKE frames, ahead of `pending` at the next frame boundary */
	size_t ike_start;
	size_t ike_end;
	size_t ike_cap;
	bool prefix_owed; /* goes out with the first frame, in one segment */
	uint8_t prefix_sent;
	struct xport_spares *spares;
};

enum xport_write {
	XPORT_WRITE_DONE,    /* all is with the kernel */
	XPORT_WRITE_BLOCKED, /* the rest is kept; call again when the socket is writable */
	XPORT_WRITE_FAILED,  /* *os_error; the stream is lost */
};

/* dialled: the prefix is owed. */
void xport_writer_init(struct xport_writer *w, bool dialled, struct xport_spares *spares);
void xport_writer_free(struct xport_writer *w);
/* CV_E_LIMIT, CV_E_NOMEM: the message is lost, the stream is as before. */
enum cv_err xport_writer_queue_ike(struct xport_writer *w, struct cv_bytes message) CV_NODISCARD;
/* Room for this many octets of frames is left, should the socket take none of them. */
size_t xport_writer_room(const struct xport_writer *w);
/* Writes what is queued, then frames[0..n), each of which holds whole ESP frames; keeps what the socket does
 * not take (the caller has seen to xport_writer_room). n at most XPORT_WRITE_IOV. */
#define XPORT_WRITE_IOV 64
enum xport_write xport_writer_push(struct xport_writer *w, int fd, const struct iovec *frames, unsigned n,
				   int *os_error);
bool xport_writer_empty(const struct xport_writer *w);

#endif
