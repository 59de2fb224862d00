#include "ike/nat.h"

#include <string.h>

#include "crypto/prf.h"
#include "ike/sa.h"

static enum cv_err digest(uint64_t spi_i, uint64_t spi_r, const struct cv_addr *at,
			  uint8_t out[CRYPTO_SHA1_LEN])
{
	uint8_t spis[2 * WIRE_IKE_SPI_LEN], port[2];
	struct cv_bytes parts[] = { cv_bytes(spis, sizeof(spis)), cv_ip_bytes(&at->ip),
				    cv_bytes(port, sizeof(port)) };

	cv_put_u64(spis, spi_i);
	cv_put_u64(spis + WIRE_IKE_SPI_LEN, spi_r);
	cv_put_u16(port, at->port);
	return crypto_sha1(parts, 3, out);
}

bool ike_nat_claims(const struct ike_sa *sa)
{
	uint8_t encap = sa->policy->conn.encapsulation;

	/* An unknown own address cannot be hashed: the claim is the safe answer. */
	if (encap == IKE_ENCAP_YES || cv_ip_is_any(&sa->path.local.ip))
		return true;
	return encap == IKE_ENCAP_AUTO && sa->engine->config.esp_needs_udp && sa->path.transport == IKE_UDP;
}

/* What names no address that a packet can come from, so that every peer sees a NAT: our address with port 0.
 * One of our own kind knows it again, and still sees whether a NAT changes the address. */
static enum cv_err claim_digest(struct ike_engine *e, uint64_t spi_i, uint64_t spi_r,
				const struct cv_addr *local, uint8_t out[CRYPTO_SHA1_LEN])
{
	struct cv_addr no_port = { .ip = local->ip };

	if (!cv_ip_is_any(&local->ip))
		return digest(spi_i, spi_r, &no_port, out);
	ike_core_random(e, out, CRYPTO_SHA1_LEN);
	return CV_OK;
}

void ike_nat_build(struct ike_engine *e, struct wire_builder *b, const struct ike_path *path, uint64_t spi_i,
		   uint64_t spi_r, bool claim)
{
	uint8_t source[CRYPTO_SHA1_LEN], destination[CRYPTO_SHA1_LEN];

	if (digest(spi_i, spi_r, &path->local, source) || digest(spi_i, spi_r, &path->remote, destination))
		return;
	if (claim && claim_digest(e, spi_i, spi_r, &path->local, source))
		return;
	wire_notify_build_plain(b, WIRE_N_NAT_DETECTION_SOURCE_IP, cv_bytes(source, sizeof(source)));
	wire_notify_build_plain(b, WIRE_N_NAT_DETECTION_DESTINATION_IP,
				cv_bytes(destination, sizeof(destination)));
}

/* Looks at every notify of that type: several sources are allowed (RFC 7296 section 2.23). */
static bool names(const struct wire_chain *chain, uint16_t type, const uint8_t want[CRYPTO_SHA1_LEN],
		  bool *any)
{
	bool found = false;

	*any = false;
	for (unsigned i = 0; i < chain->count; i++) {
		struct wire_notify_payload n;

		if (chain->payload[i].type != WIRE_NOTIFY || wire_notify_decode(chain->payload[i].body, &n) ||
		    n.type != type)
			continue;
		*any = true;
		found = found || cv_bytes_equal(n.data, cv_bytes(want, CRYPTO_SHA1_LEN));
	}
	return found;
}

void ike_nat_detect(struct ike_sa *sa, const struct wire_chain *chain, uint64_t spi_i, uint64_t spi_r)
{
	uint8_t source[CRYPTO_SHA1_LEN], claim[CRYPTO_SHA1_LEN], destination[CRYPTO_SHA1_LEN];
	bool any_source, any_destination, source_fits, destination_fits;

	if (digest(spi_i, spi_r, &sa->path.remote, source) ||
	    claim_digest(sa->engine, spi_i, spi_r, &sa->path.remote, claim) ||
	    digest(spi_i, spi_r, &sa->path.local, destination))
		return;
	if (names(chain, WIRE_N_NAT_DETECTION_SOURCE_IP, claim, &any_source))
		sa->hs->nat_claimed = source_fits = true;
	else
		source_fits = names(chain, WIRE_N_NAT_DETECTION_SOURCE_IP, source, &any_source);
	destination_fits = names(chain, WIRE_N_NAT_DETECTION_DESTINATION_IP, destination, &any_destination);
	sa->peer_claims_nat = any_source && any_destination;
	sa->nat_remote = any_source && !source_fits;
	sa->nat_local = any_destination && !destination_fits;
	if (sa->nat_remote || sa->nat_local)
		ike_sa_log(sa, CV_LOG_INFO, "there is a NAT in front of %s",
			   sa->nat_remote ? sa->nat_local ? "both ends" : "the peer" : "this host");
}

uint16_t ike_nat_local_port(const struct ike_conn *conn, uint16_t remote_port)
{
	if (conn->local_ike_port)
		return conn->local_ike_port;
	return remote_port == IKE_PORT ? IKE_PORT : IKE_NAT_PORT;
}

void ike_nat_float(struct ike_sa *sa)
{
	struct ike_path path = sa->path;
	uint8_t encap = sa->policy->conn.encapsulation;

	/* Over TCP a NAT changes nothing (R9329-6.5-3). */
	if (path.transport != IKE_UDP || !sa->peer_claims_nat || encap == IKE_ENCAP_NO)
		return;
	if (!sa->nat_local && !sa->nat_remote && !sa->hs->nat_claimed)
		return;
	path.local.port = IKE_NAT_PORT;
	if (path.remote.port == IKE_PORT)
		path.remote.port = IKE_NAT_PORT;
	ike_sa_set_path(sa, &path);
}

struct ike_path ike_nat_child_path(const struct ike_sa *sa, bool *udp_encap)
{
	struct ike_path path = sa->path;

	*udp_encap = false;
	if (path.transport != IKE_UDP)
		return path;
	/* Never ESP in UDP on port 500 (R7296-2.23-3). */
	*udp_encap = path.local.port != IKE_PORT;
	if (path.local.port == IKE_PORT) {
		path.local.port = IKE_NAT_PORT;
		path.remote.port = IKE_NAT_PORT;
	}
	return path;
}
