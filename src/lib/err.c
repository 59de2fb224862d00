#include "lib/err.h"

const char *cv_err_text(enum cv_err err)
{
	switch (err) {
	case CV_OK: return "success";
	case CV_E_TRUNCATED: return "input ended too early";
	case CV_E_SYNTAX: return "malformed input";
	case CV_E_UNSUPPORTED: return "not supported";
	case CV_E_NOSPACE: return "buffer too small";
	case CV_E_NOMEM: return "out of memory";
	case CV_E_NOTFOUND: return "not found";
	case CV_E_EXISTS: return "exists already";
	case CV_E_AUTH: return "authentication failed";
	case CV_E_REPLAY: return "replayed or too old";
	case CV_E_POLICY: return "forbidden by policy";
	case CV_E_LIMIT: return "limit reached";
	case CV_E_STATE: return "not allowed in this state";
	case CV_E_IO: return "system call failed";
	case CV_E_INTERNAL: return "internal error";
	}
	return "unknown error";
}
