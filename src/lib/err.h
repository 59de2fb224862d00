/* One set of results for the whole tree. */
#ifndef CULVERT_LIB_ERR_H
#define CULVERT_LIB_ERR_H

/* The caller must look at the result. */
#define CV_NODISCARD __attribute__((warn_unused_result))

enum cv_err {
	CV_OK = 0,
	CV_E_TRUNCATED,	  /* input ended too early */
	CV_E_SYNTAX,	  /* input breaks the rules of its format */
	CV_E_UNSUPPORTED, /* well formed, but not something we do */
	CV_E_NOSPACE,	  /* the caller's buffer is too small */
	CV_E_NOMEM,
	CV_E_NOTFOUND,
	CV_E_EXISTS,
	CV_E_AUTH,     /* integrity or authentication failed */
	CV_E_REPLAY,   /* seen before, or too old */
	CV_E_POLICY,   /* policy forbids it */
	CV_E_LIMIT,    /* a counter or quota is exhausted */
	CV_E_STATE,    /* not allowed in this state */
	CV_E_IO,       /* a system call failed; errno says why */
	CV_E_INTERNAL, /* a library failed or an invariant is broken */
};

/* A short English phrase for logs; never NULL. */
const char *cv_err_text(enum cv_err err);

#endif
