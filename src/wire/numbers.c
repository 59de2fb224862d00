#include "wire/numbers.h"

#include <stddef.h>
#include <stdio.h>

struct name {
	uint16_t number;
	const char *text;
};

static const struct name exchange_names[] = {
	{ WIRE_IKE_SA_INIT, "IKE_SA_INIT" },
	{ WIRE_IKE_AUTH, "IKE_AUTH" },
	{ WIRE_CREATE_CHILD_SA, "CREATE_CHILD_SA" },
	{ WIRE_INFORMATIONAL, "INFORMATIONAL" },
	{ 0, NULL },
};

static const struct name payload_names[] = {
	{ WIRE_SA, "SA" },
	{ WIRE_KE, "KE" },
	{ WIRE_IDI, "IDi" },
	{ WIRE_IDR, "IDr" },
	{ WIRE_CERT, "CERT" },
	{ WIRE_CERTREQ, "CERTREQ" },
	{ WIRE_AUTH, "AUTH" },
	{ WIRE_NONCE, "Nonce" },
	{ WIRE_NOTIFY, "Notify" },
	{ WIRE_DELETE, "Delete" },
	{ WIRE_VENDOR, "Vendor ID" },
	{ WIRE_TSI, "TSi" },
	{ WIRE_TSR, "TSr" },
	{ WIRE_SK, "SK" },
	{ WIRE_CP, "CP" },
	{ WIRE_EAP, "EAP" },
	{ WIRE_SKF, "SKF" },
	{ 0, NULL },
};

static const struct name notify_names[] = {
	{ WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD, "UNSUPPORTED_CRITICAL_PAYLOAD" },
	{ WIRE_N_INVALID_IKE_SPI, "INVALID_IKE_SPI" },
	{ WIRE_N_INVALID_MAJOR_VERSION, "INVALID_MAJOR_VERSION" },
	{ WIRE_N_INVALID_SYNTAX, "INVALID_SYNTAX" },
	{ WIRE_N_INVALID_MESSAGE_ID, "INVALID_MESSAGE_ID" },
	{ WIRE_N_INVALID_SPI, "INVALID_SPI" },
	{ WIRE_N_NO_PROPOSAL_CHOSEN, "NO_PROPOSAL_CHOSEN" },
	{ WIRE_N_INVALID_KE_PAYLOAD, "INVALID_KE_PAYLOAD" },
	{ WIRE_N_AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED" },
	{ WIRE_N_SINGLE_PAIR_REQUIRED, "SINGLE_PAIR_REQUIRED" },
	{ WIRE_N_NO_ADDITIONAL_SAS, "NO_ADDITIONAL_SAS" },
	{ WIRE_N_INTERNAL_ADDRESS_FAILURE, "INTERNAL_ADDRESS_FAILURE" },
	{ WIRE_N_FAILED_CP_REQUIRED, "FAILED_CP_REQUIRED" },
	{ WIRE_N_TS_UNACCEPTABLE, "TS_UNACCEPTABLE" },
	{ WIRE_N_INVALID_SELECTORS, "INVALID_SELECTORS" },
	{ WIRE_N_UNACCEPTABLE_ADDRESSES, "UNACCEPTABLE_ADDRESSES" },
	{ WIRE_N_UNEXPECTED_NAT_DETECTED, "UNEXPECTED_NAT_DETECTED" },
	{ WIRE_N_USE_ASSIGNED_HOA, "USE_ASSIGNED_HoA" },
	{ WIRE_N_TEMPORARY_FAILURE, "TEMPORARY_FAILURE" },
	{ WIRE_N_CHILD_SA_NOT_FOUND, "CHILD_SA_NOT_FOUND" },
	{ WIRE_N_STATE_NOT_FOUND, "STATE_NOT_FOUND" },
	{ WIRE_N_INITIAL_CONTACT, "INITIAL_CONTACT" },
	{ WIRE_N_SET_WINDOW_SIZE, "SET_WINDOW_SIZE" },
	{ WIRE_N_ADDITIONAL_TS_POSSIBLE, "ADDITIONAL_TS_POSSIBLE" },
	{ WIRE_N_IPCOMP_SUPPORTED, "IPCOMP_SUPPORTED" },
	{ WIRE_N_NAT_DETECTION_SOURCE_IP, "NAT_DETECTION_SOURCE_IP" },
	{ WIRE_N_NAT_DETECTION_DESTINATION_IP, "NAT_DETECTION_DESTINATION_IP" },
	{ WIRE_N_COOKIE, "COOKIE" },
	{ WIRE_N_USE_TRANSPORT_MODE, "USE_TRANSPORT_MODE" },
	{ WIRE_N_HTTP_CERT_LOOKUP_SUPPORTED, "HTTP_CERT_LOOKUP_SUPPORTED" },
	{ WIRE_N_REKEY_SA, "REKEY_SA" },
	{ WIRE_N_ESP_TFC_PADDING_NOT_SUPPORTED, "ESP_TFC_PADDING_NOT_SUPPORTED" },
	{ WIRE_N_NON_FIRST_FRAGMENTS_ALSO, "NON_FIRST_FRAGMENTS_ALSO" },
	{ WIRE_N_MOBIKE_SUPPORTED, "MOBIKE_SUPPORTED" },
	{ WIRE_N_ADDITIONAL_IP4_ADDRESS, "ADDITIONAL_IP4_ADDRESS" },
	{ WIRE_N_ADDITIONAL_IP6_ADDRESS, "ADDITIONAL_IP6_ADDRESS" },
	{ WIRE_N_NO_ADDITIONAL_ADDRESSES, "NO_ADDITIONAL_ADDRESSES" },
	{ WIRE_N_UPDATE_SA_ADDRESSES, "UPDATE_SA_ADDRESSES" },
	{ WIRE_N_COOKIE2, "COOKIE2" },
	{ WIRE_N_NO_NATS_ALLOWED, "NO_NATS_ALLOWED" },
	{ WIRE_N_AUTH_LIFETIME, "AUTH_LIFETIME" },
	{ WIRE_N_REDIRECT_SUPPORTED, "REDIRECT_SUPPORTED" },
	{ WIRE_N_REDIRECT, "REDIRECT" },
	{ WIRE_N_REDIRECTED_FROM, "REDIRECTED_FROM" },
	{ WIRE_N_TICKET_REQUEST, "TICKET_REQUEST" },
	{ WIRE_N_CHILDLESS_IKEV2_SUPPORTED, "CHILDLESS_IKEV2_SUPPORTED" },
	{ WIRE_N_QUICK_CRASH_DETECTION, "QUICK_CRASH_DETECTION" },
	{ WIRE_N_FRAGMENTATION_SUPPORTED, "IKEV2_FRAGMENTATION_SUPPORTED" },
	{ WIRE_N_SIGNATURE_HASH_ALGORITHMS, "SIGNATURE_HASH_ALGORITHMS" },
	{ WIRE_N_USE_PPK, "USE_PPK" },
	{ WIRE_N_INTERMEDIATE_EXCHANGE_SUPPORTED, "INTERMEDIATE_EXCHANGE_SUPPORTED" },
	{ WIRE_N_USE_AGGFRAG, "USE_AGGFRAG" },
	{ WIRE_N_SUPPORTED_AUTH_METHODS, "SUPPORTED_AUTH_METHODS" },
	{ 0, NULL },
};

static const struct name transform_type_names[] = {
	{ WIRE_T_ENCR, "ENCR" }, { WIRE_T_PRF, "PRF" }, { WIRE_T_INTEG, "INTEG" },
	{ WIRE_T_KE, "KE" },	 { WIRE_T_ESN, "ESN" }, { 0, NULL },
};

static const struct name encr_names[] = {
	{ WIRE_ENCR_DES, "ENCR_DES" },
	{ WIRE_ENCR_3DES, "ENCR_3DES" },
	{ WIRE_ENCR_NULL, "ENCR_NULL" },
	{ WIRE_ENCR_AES_CBC, "ENCR_AES_CBC" },
	{ WIRE_ENCR_AES_CTR, "ENCR_AES_CTR" },
	{ WIRE_ENCR_AES_CCM_8, "ENCR_AES_CCM_8" },
	{ WIRE_ENCR_AES_CCM_12, "ENCR_AES_CCM_12" },
	{ WIRE_ENCR_AES_CCM_16, "ENCR_AES_CCM_16" },
	{ WIRE_ENCR_AES_GCM_8, "ENCR_AES_GCM_8" },
	{ WIRE_ENCR_AES_GCM_12, "ENCR_AES_GCM_12" },
	{ WIRE_ENCR_AES_GCM_16, "ENCR_AES_GCM_16" },
	{ WIRE_ENCR_NULL_AUTH_AES_GMAC, "ENCR_NULL_AUTH_AES_GMAC" },
	{ WIRE_ENCR_CAMELLIA_CBC, "ENCR_CAMELLIA_CBC" },
	{ WIRE_ENCR_CHACHA20_POLY1305, "ENCR_CHACHA20_POLY1305" },
	{ 0, NULL },
};

static const struct name prf_names[] = {
	{ WIRE_PRF_HMAC_MD5, "PRF_HMAC_MD5" },		 { WIRE_PRF_HMAC_SHA1, "PRF_HMAC_SHA1" },
	{ WIRE_PRF_AES128_XCBC, "PRF_AES128_XCBC" },	 { WIRE_PRF_HMAC_SHA2_256, "PRF_HMAC_SHA2_256" },
	{ WIRE_PRF_HMAC_SHA2_384, "PRF_HMAC_SHA2_384" }, { WIRE_PRF_HMAC_SHA2_512, "PRF_HMAC_SHA2_512" },
	{ WIRE_PRF_AES128_CMAC, "PRF_AES128_CMAC" },	 { 0, NULL },
};

static const struct name integ_names[] = {
	{ WIRE_AUTH_NONE, "NONE" },
	{ WIRE_AUTH_HMAC_MD5_96, "AUTH_HMAC_MD5_96" },
	{ WIRE_AUTH_HMAC_SHA1_96, "AUTH_HMAC_SHA1_96" },
	{ WIRE_AUTH_AES_XCBC_96, "AUTH_AES_XCBC_96" },
	{ WIRE_AUTH_AES_CMAC_96, "AUTH_AES_CMAC_96" },
	{ WIRE_AUTH_HMAC_SHA2_256_128, "AUTH_HMAC_SHA2_256_128" },
	{ WIRE_AUTH_HMAC_SHA2_384_192, "AUTH_HMAC_SHA2_384_192" },
	{ WIRE_AUTH_HMAC_SHA2_512_256, "AUTH_HMAC_SHA2_512_256" },
	{ 0, NULL },
};

static const struct name ke_names[] = {
	{ WIRE_KE_NONE, "NONE" },
	{ WIRE_KE_MODP768, "MODP_768" },
	{ WIRE_KE_MODP1024, "MODP_1024" },
	{ WIRE_KE_MODP1536, "MODP_1536" },
	{ WIRE_KE_MODP2048, "MODP_2048" },
	{ WIRE_KE_MODP3072, "MODP_3072" },
	{ WIRE_KE_MODP4096, "MODP_4096" },
	{ WIRE_KE_MODP6144, "MODP_6144" },
	{ WIRE_KE_MODP8192, "MODP_8192" },
	{ WIRE_KE_ECP256, "ECP_256" },
	{ WIRE_KE_ECP384, "ECP_384" },
	{ WIRE_KE_ECP521, "ECP_521" },
	{ WIRE_KE_MODP1024_160, "MODP_1024_160" },
	{ WIRE_KE_MODP2048_224, "MODP_2048_224" },
	{ WIRE_KE_MODP2048_256, "MODP_2048_256" },
	{ WIRE_KE_CURVE25519, "CURVE25519" },
	{ WIRE_KE_CURVE448, "CURVE448" },
	{ 0, NULL },
};

static const struct name esn_names[] = {
	{ WIRE_ESN_NO, "NO_ESN" },
	{ WIRE_ESN_YES, "ESN" },
	{ 0, NULL },
};

static const struct name id_names[] = {
	{ WIRE_ID_IPV4, "ID_IPV4_ADDR" },
	{ WIRE_ID_FQDN, "ID_FQDN" },
	{ WIRE_ID_RFC822, "ID_RFC822_ADDR" },
	{ WIRE_ID_IPV6, "ID_IPV6_ADDR" },
	{ WIRE_ID_DER_DN, "ID_DER_ASN1_DN" },
	{ WIRE_ID_DER_GN, "ID_DER_ASN1_GN" },
	{ WIRE_ID_KEY_ID, "ID_KEY_ID" },
	{ WIRE_ID_NULL, "ID_NULL" },
	{ 0, NULL },
};

static const struct name auth_names[] = {
	{ WIRE_AUTH_RSA, "RSA Digital Signature" },
	{ WIRE_AUTH_PSK, "Shared Key Message Integrity Code" },
	{ WIRE_AUTH_DSS, "DSS Digital Signature" },
	{ WIRE_AUTH_ECDSA256, "ECDSA with SHA-256 on the P-256 curve" },
	{ WIRE_AUTH_ECDSA384, "ECDSA with SHA-384 on the P-384 curve" },
	{ WIRE_AUTH_ECDSA521, "ECDSA with SHA-512 on the P-521 curve" },
	{ WIRE_AUTH_NULL, "NULL Authentication" },
	{ WIRE_AUTH_SIGNATURE, "Digital Signature" },
	{ 0, NULL },
};

/* "unknown KIND NUMBER" in the next of four buffers of this thread. */
static const char *unknown(const char *kind, unsigned number)
{
	static _Thread_local char ring[4][48];
	static _Thread_local unsigned turn;
	char *out = ring[turn++ % 4];

	snprintf(out, sizeof(ring[0]), "unknown %s %u", kind, number);
	return out;
}

static const char *name_of(const struct name *names, const char *kind, uint16_t number)
{
	for (; names->text; names++)
		if (names->number == number)
			return names->text;
	return unknown(kind, number);
}

const char *wire_exchange_name(uint8_t exchange)
{
	return name_of(exchange_names, "exchange", exchange);
}

const char *wire_payload_name(uint8_t type)
{
	return name_of(payload_names, "payload", type);
}

const char *wire_notify_name(uint16_t type)
{
	return name_of(notify_names, type < WIRE_N_FIRST_STATUS ? "error notify" : "status notify", type);
}

const char *wire_transform_type_name(uint8_t type)
{
	return name_of(transform_type_names, "transform type", type);
}

const char *wire_transform_name(uint8_t type, uint16_t id)
{
	switch (type) {
	case WIRE_T_ENCR: return name_of(encr_names, "encryption algorithm", id);
	case WIRE_T_PRF: return name_of(prf_names, "PRF", id);
	case WIRE_T_INTEG: return name_of(integ_names, "integrity algorithm", id);
	case WIRE_T_KE: return name_of(ke_names, "key exchange method", id);
	case WIRE_T_ESN: return name_of(esn_names, "sequence number form", id);
	default: return unknown("transform", id);
	}
}

const char *wire_id_type_name(uint8_t type)
{
	return name_of(id_names, "identification type", type);
}

const char *wire_auth_method_name(uint8_t method)
{
	return name_of(auth_names, "authentication method", method);
}
