#include "ike/auth.h"

#include <string.h>

#include "crypto/prf.h"
#include "ike/sa.h"

static const char key_pad[] = "Key Pad for IKEv2";

enum { ID_HEADER = 4 }; /* type and three reserved octets */

uint8_t ike_auth_method(uint8_t authby)
{
	return authby == IKE_AUTHBY_NULL ? WIRE_AUTH_NULL : WIRE_AUTH_PSK;
}

void ike_auth_local_id(const struct ike_conn *conn, const struct ike_path *path, struct ike_id *out)
{
	const struct cv_ip *ip = &path->local.ip;

	*out = conn->local_id;
	if (out->type)
		return;
	out->len = 0;
	out->type = WIRE_ID_NULL;
	if (conn->local_auth == IKE_AUTHBY_NULL)
		return;
	out->type = ip->family == CV_IPV6 ? WIRE_ID_IPV6 : WIRE_ID_IPV4;
	out->len = (uint16_t)cv_ip_len(ip);
	memcpy(out->data, ip->b, out->len);
}

enum cv_err ike_auth_data(const struct ike_sa *sa, bool of_initiator, uint8_t authby, struct cv_bytes secret,
			  struct cv_bytes id_body, uint8_t out[IKE_AUTH_DATA_MAX], size_t *len)
{
	const struct ike_handshake *hs = sa->hs;
	uint16_t prf = sa->suite.prf;
	size_t size = crypto_prf_size(prf);
	struct cv_bytes sk_p = ike_keys_p(&sa->keys, of_initiator),
			pad = cv_bytes(key_pad, sizeof(key_pad) - 1);
	struct cv_bytes nonce, octets[3];
	uint8_t key[CRYPTO_PRF_MAX], maced_id[CRYPTO_PRF_MAX];
	enum cv_err err;

	/* Each side signs its own first message and the other's nonce. */
	if (of_initiator == sa->initiator)
		nonce = cv_bytes(hs->peer_nonce, hs->peer_nonce_len);
	else
		nonce = cv_bytes(hs->nonce, sizeof(hs->nonce));
	octets[0] =
	    of_initiator ? cv_bytes(hs->init_i, hs->init_i_len) : cv_bytes(hs->init_r, hs->init_r_len);
	octets[1] = nonce;
	octets[2] = cv_bytes(maced_id, size);
	err = crypto_prf(prf, sk_p, &id_body, 1, maced_id);
	if (!err)
		err = crypto_prf(prf, authby == IKE_AUTHBY_NULL ? sk_p : secret, &pad, 1, key);
	if (!err)
		err = crypto_prf(prf, cv_bytes(key, size), octets, 3, out);
	cv_wipe(key, sizeof(key));
	*len = size;
	return err;
}

bool ike_auth_verify(const struct ike_sa *sa, uint8_t authby, struct cv_bytes secret, struct cv_bytes id_body,
		     const struct wire_auth *auth)
{
	uint8_t good[IKE_AUTH_DATA_MAX];
	size_t len;

	if (auth->method != ike_auth_method(authby))
		return false;
	if (ike_auth_data(sa, !sa->initiator, authby, secret, id_body, good, &len))
		return false;
	return auth->data.len == len && cv_secret_equal(cv_bytes(good, len), auth->data);
}

enum cv_err ike_auth_build_id(struct ike_sa *sa, struct wire_builder *b)
{
	struct ike_id id;
	struct wire_id payload;

	ike_auth_local_id(&sa->policy->conn, &sa->path, &id);
	if (!sa->local_id)
		sa->local_id = ike_identity_new(id.type, cv_bytes(id.data, id.len));
	if (!sa->local_id)
		return CV_E_NOMEM;
	payload.type = sa->local_id->type;
	payload.data = cv_bytes(sa->local_id->data, sa->local_id->len);
	wire_id_build(b, sa->initiator ? WIRE_IDI : WIRE_IDR, &payload);
	return CV_OK;
}

enum cv_err ike_auth_build_auth(struct ike_sa *sa, struct cv_bytes secret, struct wire_builder *b)
{
	uint8_t body[ID_HEADER + IKE_ID_MAX] = { sa->local_id->type }, data[IKE_AUTH_DATA_MAX];
	uint8_t authby = sa->policy->conn.local_auth;
	size_t len;
	enum cv_err err;

	memcpy(body + ID_HEADER, sa->local_id->data, sa->local_id->len);
	err = ike_auth_data(sa, sa->initiator, authby, secret,
			    cv_bytes(body, (size_t)ID_HEADER + sa->local_id->len), data, &len);
	if (!err)
		wire_auth_build(b, ike_auth_method(authby), cv_bytes(data, len));
	return err;
}
