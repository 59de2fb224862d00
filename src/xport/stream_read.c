#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "xport/stream.h"

void xport_reader_init(struct xport_reader *r, bool accepted)
{
	*r = (struct xport_reader){ .deframer = { .wants_prefix = accepted } };
}

void xport_reader_free(struct xport_reader *r)
{
	free(r->partial);
	r->partial = NULL;
	r->partial_len = 0;
}

enum xport_read xport_reader_read(struct xport_reader *r, int fd, uint8_t *buf, size_t cap, size_t *len,
				  int *os_error)
{
	ssize_t n = recv(fd, buf + r->partial_len, cap - r->partial_len, MSG_DONTWAIT);

	*os_error = 0;
	*len = 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return XPORT_READ_NOTHING;
	if (n <= 0) {
		*os_error = n < 0 ? errno : 0;
		xport_reader_free(r);
		return XPORT_READ_END;
	}
	if (r->partial != NULL)
		memcpy(buf, r->partial, r->partial_len);
	*len = r->partial_len + (size_t)n;
	xport_reader_free(r);
	return XPORT_READ_OCTETS;
}

enum cv_err xport_reader_keep(struct xport_reader *r, struct cv_bytes rest)
{
	if (rest.len == 0)
		return CV_OK;
	r->partial = malloc(rest.len);
	if (r->partial == NULL)
		return CV_E_NOMEM;
	memcpy(r->partial, rest.data, rest.len);
	r->partial_len = rest.len;
	return CV_OK;
}
