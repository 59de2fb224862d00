/* IKE_SA_INIT: retransmission, cookies, other groups, refusals, and what strangers may not do. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "wire/payloads.h"

static void change(struct rig_end *end, void (*edit)(struct ike_conn *conn))
{
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	rig_usual(end, conn);
	edit(conn);
	rig_conn_set(end, conn);
	free(conn);
}

static struct rig *rig_with(const struct ike_engine_config *config)
{
	struct rig *rig = rig_new(config);
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	rig_usual(&rig->a, conn);
	rig_conn_set(&rig->a, conn);
	rig_usual(&rig->b, conn);
	rig_conn_set(&rig->b, conn);
	free(conn);
	return rig;
}

static const struct ike_engine_config cookies = { .initiate_udp = true,
						  .uniqueids = true,
						  .cookie_always = true };

static void assert_up(struct rig *rig)
{
	rig_run(rig);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	rig_assert_same_children(rig, 1);
}

/* --- retransmission --- */

/* R7296-2.1-1, R7296-2.1-2 */
static void lost_request_is_repeated_bit_for_bit(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet first;

	(void)state;
	rig_up(&rig->a, "net", 1);
	first = *rig_peek(rig);
	rig_lose(rig);
	rig_wait(rig, 499);
	assert_null(rig_peek(rig));
	rig_wait(rig, 1);
	assert_int_equal(rig_peek(rig)->len, first.len);
	assert_memory_equal(rig_peek(rig)->data, first.data, first.len);
	assert_up(rig);
	rig_free(rig);
}

/* R7296-2.1-6, R7296-2.1-3 */
static void repeated_request_gets_the_same_answer_and_no_second_ike_sa(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet request, answer;

	(void)state;
	rig_up(&rig->a, "net", 1);
	request = *rig_peek(rig);
	rig_deliver(rig);
	answer = *rig_peek(rig);
	rig_lose(rig);
	rig_inject(&rig->b, &request.path, request.data, request.len);
	assert_int_equal(rig_peek(rig)->len, answer.len);
	assert_memory_equal(rig_peek(rig)->data, answer.data, answer.len);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 1);
	assert_up(rig);
	/* Once IKE_AUTH came the answer is forgotten, and the request still known (R7296-2.1-5). */
	rig_inject(&rig->b, &request.path, request.data, request.len);
	assert_null(rig_peek(rig));
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	rig_free(rig);
}

/* R7296-2.1-6: the same SPI with other contents is another attempt. */
static void same_spi_with_other_contents_is_a_new_attempt(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet p;

	(void)state;
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	p.data[p.len - 1] ^= 1; /* of the last digest */
	rig_inject(&rig->b, &p.path, p.data, p.len);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 1);
	rig_deliver(rig);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 2);
	rig_free(rig);
}

static void half_open_ike_sa_expires(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	rig_lose(rig);
	rig->udp_blocked = true;
	rig_wait(rig, 29999);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 1);
	rig_wait(rig, 1);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	assert_null(rig_last_report(&rig->b, IKE_REPORT_DOWN));
	rig_free(rig);
}

static void half_open_ike_sas_are_bounded(void **state)
{
	static const struct ike_engine_config few = { .initiate_udp = true, .halfopen_max = 3 };
	struct rig *rig = rig_with(&few);
	struct rig_packet p;

	(void)state;
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	rig_lose(rig);
	for (uint8_t i = 0; i < 10; i++) {
		p.data[0] = (uint8_t)(i + 1);
		rig_inject(&rig->b, &p.path, p.data, p.len);
	}
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 3);
	assert_int_equal(ike_engine_counters(rig->b.e)->halfopen_dropped, 7);
	rig_free(rig);
}

/* --- cookies --- */

/* HDR, SAi1, KEi, Ni               -->
 *                                  <--  HDR(A,0), N(COOKIE)
 * HDR, N(COOKIE), SAi1, KEi, Ni    -->                              (RFC 7296 section 2.6) */
static void cookie_is_asked_for_and_given_back(void **state)
{
	struct rig *rig = rig_with(&cookies);
	struct rig_packet first, second;

	(void)state;
	rig_up(&rig->a, "net", 1);
	first = *rig_peek(rig);
	rig_deliver(rig);
	/* R7296-2.6-2: nothing is kept. */
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	rig_expect(rig, &rig->a, WIRE_IKE_SA_INIT, true);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_COOKIE));
	assert_int_equal(rig_header(rig_peek(rig)).spi_r, 0);
	rig_deliver(rig);
	second = *rig_peek(rig);
	/* R7296-2.6-1: the cookie first, everything behind it unchanged; R7296-2.2-2: message id 0 again. */
	assert_int_equal(rig_header(&second).message_id, 0);
	assert_int_equal(rig_header(&second).next_payload, WIRE_NOTIFY);
	assert_int_equal(rig_header(&second).spi_i, rig_header(&first).spi_i);
	assert_memory_equal(second.data + second.len - (first.len - 28), first.data + 28, first.len - 28);
	assert_up(rig);
	rig_free(rig);
}

static void cookies_are_asked_for_only_under_load_and_not_over_tcp(void **state)
{
	static const struct ike_engine_config busy = { .initiate_udp = true, .cookie_threshold = 2 };
	struct rig *rig = rig_with(&busy);
	struct rig_packet p;

	(void)state;
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	rig_lose(rig);
	for (uint8_t i = 0; i < 2; i++) {
		p.data[0] = (uint8_t)(i + 1);
		rig_inject(&rig->b, &p.path, p.data, p.len);
		assert_false(rig_has_notify(rig_peek(rig), WIRE_N_COOKIE));
		rig_lose(rig);
	}
	p.data[0] = 9;
	rig_inject(&rig->b, &p.path, p.data, p.len);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_COOKIE));
	rig_lose(rig);
	/* R9329-6.3-1 */
	p.path.transport = IKE_TCP;
	p.path.stream_id = 1ull << 63 | 1;
	p.data[0] = 10;
	rig_inject(&rig->b, &p.path, p.data, p.len);
	rig_peek(rig);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 3);
	rig_free(rig);
}

/* R9329-6.3-3: the port is no part of it; R9329-6.3-5: the address is, and then a new one is sent, not an
 * error. */
static void cookie_is_bound_to_the_address_but_not_to_the_port(void **state)
{
	struct rig *rig = rig_with(&cookies);
	struct rig_packet p;

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	rig_deliver(rig);
	p = *rig_peek(rig);
	rig_lose(rig);
	p.path.remote.ip.b[3] ^= 8;
	rig_inject(&rig->b, &p.path, p.data, p.len);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	assert_int_equal(ike_engine_counters(rig->b.e)->cookies_bad, 1);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_COOKIE));
	rig_lose(rig);
	p.path.remote.ip.b[3] ^= 8;
	p.path.remote.port = 12345;
	rig_inject(&rig->b, &p.path, p.data, p.len);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 1);
	rig_free(rig);
}

static void endless_cookies_end_the_attempt(void **state)
{
	struct rig *rig = rig_new_usual();
	uint8_t answer[28 + 8 + 16] = { 0 };

	(void)state;
	rig_up(&rig->a, "net", 1);
	for (unsigned i = 0; i < 20 && rig_peek(rig); i++) {
		struct rig_packet p = *rig_peek(rig);
		struct ike_path path = { .transport = IKE_UDP,
					 .local = p.path.remote,
					 .remote = p.path.local };

		rig_lose(rig);
		memcpy(answer, p.data, 28);
		memset(answer + 8, 0, 8);
		answer[16] = WIRE_NOTIFY;
		answer[19] = WIRE_FLAG_RESPONSE;
		cv_put_u32(answer + 24, sizeof(answer));
		cv_put_u16(answer + 30, sizeof(answer) - 28);
		cv_put_u16(answer + 34, WIRE_N_COOKIE);
		answer[40] = (uint8_t)i;
		rig_inject(&rig->a, &path, answer, sizeof(answer));
	}
	assert_null(rig_peek(rig));
	rig->udp_blocked = true;
	rig_pass(rig, 60000);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "asked for a cookie again and again"));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

/* --- groups --- */

static void two_groups(struct ike_conn *conn)
{
	conn->ike_proposals.count = 0;
	rig_proposal(&conn->ike_proposals, WIRE_ENCR_AES_GCM_16, 256, WIRE_PRF_HMAC_SHA2_256, 0,
		     WIRE_KE_CURVE25519);
	conn->ike_proposals.proposal[0].transform[conn->ike_proposals.proposal[0].transform_count++] =
	    (struct wire_transform){ .type = WIRE_T_KE, .id = WIRE_KE_ECP256 };
}

static void other_group(struct ike_conn *conn)
{
	conn->ike_proposals.count = 0;
	rig_proposal(&conn->ike_proposals, WIRE_ENCR_AES_GCM_16, 256, WIRE_PRF_HMAC_SHA2_256, 0,
		     WIRE_KE_ECP256);
}

/* R7296-1.2-2, R7296-1.3-1 */
static void group_that_the_responder_wants_is_used_in_a_second_try(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_sa_info info;
	uint64_t spi;

	(void)state;
	change(&rig->a, two_groups);
	change(&rig->b, other_group);
	rig_up(&rig->a, "net", 1);
	spi = rig_header(rig_peek(rig)).spi_i;
	rig_deliver(rig);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_INVALID_KE_PAYLOAD));
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	rig_deliver(rig);
	rig_expect(rig, &rig->b, WIRE_IKE_SA_INIT, false);
	assert_int_equal(rig_header(rig_peek(rig)).spi_i, spi);
	assert_up(rig);
	assert_true(rig_sa(&rig->a, &info));
	assert_int_equal(info.ke, WIRE_KE_ECP256);
	rig_free(rig);
}

/* R7296-2.6.1-1: the cookie goes along in the second try. */
static void cookie_and_other_group_together_take_three_tries(void **state)
{
	struct rig *rig = rig_with(&cookies);

	(void)state;
	change(&rig->a, two_groups);
	change(&rig->b, other_group);
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	rig_deliver(rig);
	rig_deliver(rig);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_INVALID_KE_PAYLOAD));
	rig_deliver(rig);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_COOKIE));
	assert_up(rig);
	assert_int_equal(ike_engine_counters(rig->b.e)->cookies_sent, 1);
	rig_free(rig);
}

/* An attacker must not push us to a group that we did not offer. */
static void group_that_was_not_offered_is_not_taken(void **state)
{
	struct rig *rig = rig_new_usual();
	uint8_t answer[28 + 10] = { 0 };
	struct rig_packet p;
	struct ike_path path;

	(void)state;
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	path = (struct ike_path){ .transport = IKE_UDP, .local = p.path.remote, .remote = p.path.local };
	memcpy(answer, p.data, 28);
	answer[16] = WIRE_NOTIFY;
	answer[19] = WIRE_FLAG_RESPONSE;
	cv_put_u32(answer + 24, sizeof(answer));
	cv_put_u16(answer + 30, 10);
	cv_put_u16(answer + 34, WIRE_N_INVALID_KE_PAYLOAD);
	cv_put_u16(answer + 36, WIRE_KE_MODP2048);
	rig_inject(&rig->a, &path, answer, sizeof(answer));
	/* The good answer still counts. */
	assert_int_equal(rig->packet_count, 1);
	assert_up(rig);
	rig_free(rig);
}

/* --- refusals --- */

static void cbc_only(struct ike_conn *conn)
{
	conn->ike_proposals.count = 0;
	rig_proposal(&conn->ike_proposals, WIRE_ENCR_AES_CBC, 256, WIRE_PRF_HMAC_SHA2_512,
		     WIRE_AUTH_HMAC_SHA2_512_256, WIRE_KE_MODP2048);
}

/* R7296-2.21.1-1: over UDP the refusal is believed only when nothing better comes. */
static void no_proposal_chosen_over_udp_is_believed_after_a_while(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->b, cbc_only);
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_PROGRESS, "NO_PROPOSAL_CHOSEN"));
	assert_null(rig_last_report(&rig->a, IKE_REPORT_FAILED));
	rig_pass(rig, 3000);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "we offered ike=aes256gcm16-sha2_256-x25519"));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void forged_refusal_does_not_stop_the_real_answer(void **state)
{
	struct rig *rig = rig_new_usual();
	uint8_t answer[28 + 8] = { 0 };
	struct rig_packet p;
	struct ike_path path;

	(void)state;
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	path = (struct ike_path){ .transport = IKE_UDP, .local = p.path.remote, .remote = p.path.local };
	memcpy(answer, p.data, 28);
	answer[16] = WIRE_NOTIFY;
	answer[19] = WIRE_FLAG_RESPONSE;
	cv_put_u32(answer + 24, sizeof(answer));
	cv_put_u16(answer + 30, 8);
	cv_put_u16(answer + 34, WIRE_N_NO_PROPOSAL_CHOSEN);
	rig_inject(&rig->a, &path, answer, sizeof(answer));
	assert_up(rig);
	rig_free(rig);
}

static void nowhere(struct ike_conn *conn)
{
	conn->remote_ip.b[3] = 77;
}

static void peer_without_a_connection_is_refused(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->b, nowhere);
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_NO_PROPOSAL_CHOSEN));
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	rig_free(rig);
}

static void no_tcp(struct ike_conn *conn)
{
	conn->accept_tcp = false;
}

/* R9329-5-1 */
static void tcp_is_taken_only_from_peers_configured_for_it(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet p;

	(void)state;
	change(&rig->b, no_tcp);
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	rig_lose(rig);
	p.path.transport = IKE_TCP;
	p.path.stream_id = 1ull << 63 | 1;
	rig_inject(&rig->b, &p.path, p.data, p.len);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	rig_free(rig);
}

/* --- hostile input --- */

static void inject(const struct rig_packet *p)
{
	rig_inject(p->to, &p->path, p->data, p->len);
}

/* R7296-2.5-1 */
static void higher_major_version_is_answered_with_ours(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet p;

	(void)state;
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	rig_lose(rig);
	p.data[17] = 0x30;
	inject(&p);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_INVALID_MAJOR_VERSION));
	assert_int_equal(rig_header(rig_peek(rig)).major, 2);
	assert_int_equal(ike_engine_counters(rig->b.e)->bad_version, 1);
	rig_lose(rig);
	/* Not a response (no loop), and not IKEv1. */
	p.data[19] |= WIRE_FLAG_RESPONSE;
	inject(&p);
	p.data[19] &= (uint8_t)~WIRE_FLAG_RESPONSE;
	p.data[17] = 0x10;
	inject(&p);
	assert_null(rig_peek(rig));
	rig_free(rig);
}

/* R7296-3.1-2 */
static void higher_minor_version_is_fine(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_peek(rig)->data[17] = 0x25;
	rig_deliver(rig);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 1);
	rig_free(rig);
}

/* R7296-2.5-4 and R7296-2.5-3: the last payload gets an unknown type. */
static void unknown_payloads_matter_only_when_critical(void **state)
{
	(void)state;
	for (unsigned critical = 0; critical < 2; critical++) {
		struct rig *rig = rig_new_usual();
		struct rig_packet p;

		rig_up(&rig->a, "net", 1);
		p = *rig_peek(rig);
		rig_lose(rig);
		memset(p.data + p.len, 0, 8);
		p.data[p.len + 1] = critical ? 0x80 : 0;
		p.data[p.len + 3] = 8;
		/* The last payload is a notify of 28 octets. */
		p.data[p.len - 28] = 200;
		p.len += 8;
		cv_put_u32(p.data + 24, (uint32_t)p.len);
		inject(&p);
		assert_int_equal(rig_has_notify(rig_peek(rig), WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD),
				 critical);
		assert_int_equal(rig->packet_count, 1);
		assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), !critical);
		rig_free(rig);
	}
}

/* R7296-3.1-6, R7296-3.2-2: every shorter message is dropped without an answer or a trace. */
static void truncated_request_is_dropped(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet p;

	(void)state;
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	rig_lose(rig);
	for (size_t len = 0; len < p.len; len++) {
		struct rig_packet cut = p;

		cut.len = len;
		inject(&cut);
		if (len >= 28) {
			cv_put_u32(cut.data + 24, (uint32_t)len);
			inject(&cut);
		}
	}
	/* Cut behind a whole payload the message reads well, but lacks what it must have or only the
	 * notifies. */
	assert_true(rig_count(&rig->b, IKE_SA_INIT_DONE) <= 2);
	assert_true(ike_engine_counters(rig->b.e)->malformed > p.len);
	rig_free(rig);
}

static void flipped_bits_never_hurt(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet request, answer;

	(void)state;
	rig_up(&rig->a, "net", 1);
	request = *rig_peek(rig);
	rig_deliver(rig);
	answer = *rig_peek(rig);
	rig_lose(rig);
	for (size_t bit = 0; bit < request.len * 8; bit += 3) {
		struct rig_packet bad = request;

		bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		inject(&bad);
		while (rig_peek(rig))
			rig_lose(rig);
	}
	for (size_t bit = 0; bit < answer.len * 8; bit++) {
		struct rig_packet bad = answer;

		/* SPIs, key exchange and nonce are bound by IKE_AUTH only: leave them alone here. */
		if (bit / 8 < 16 || (bit / 8 > 60 && bit / 8 < answer.len - 60))
			continue;
		bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		inject(&bad);
		if (rig_count(&rig->a, IKE_SA_INIT_SENT) == 0)
			break;
	}
	rig_free(rig);
}

/* R7296-3.4-1: a key exchange value of a wrong length. */
static void wrong_key_exchange_length_is_invalid_syntax(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet p;
	unsigned ke;

	(void)state;
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	rig_lose(rig);
	/* Behind the SA payload; one octet of the value goes to the payload behind it. */
	ke = 28 + cv_get_u16(p.data + 30);
	assert_int_equal(cv_get_u16(p.data + ke + 4), WIRE_KE_CURVE25519);
	memmove(p.data + ke + 8, p.data + ke + 9, p.len - ke - 9);
	p.len--;
	cv_put_u16(p.data + ke + 2, (uint16_t)(cv_get_u16(p.data + ke + 2) - 1));
	cv_put_u32(p.data + 24, (uint32_t)p.len);
	inject(&p);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_INVALID_SYNTAX));
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	rig_free(rig);
}

static void refusals_to_strangers_are_rate_limited(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet p;
	unsigned answers = 0;

	(void)state;
	rig_up(&rig->a, "net", 1);
	p = *rig_peek(rig);
	rig_lose(rig);
	p.data[17] = 0x30;
	for (unsigned i = 0; i < 200; i++) {
		inject(&p);
		while (rig_peek(rig)) {
			rig_lose(rig);
			answers++;
		}
	}
	assert_int_equal(answers, 50);
	rig_wait(rig, 1000);
	while (rig_peek(rig))
		rig_lose(rig);
	inject(&p);
	assert_non_null(rig_peek(rig));
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_request_is_repeated_bit_for_bit),
		cmocka_unit_test(repeated_request_gets_the_same_answer_and_no_second_ike_sa),
		cmocka_unit_test(same_spi_with_other_contents_is_a_new_attempt),
		cmocka_unit_test(half_open_ike_sa_expires),
		cmocka_unit_test(half_open_ike_sas_are_bounded),
		cmocka_unit_test(cookie_is_asked_for_and_given_back),
		cmocka_unit_test(cookies_are_asked_for_only_under_load_and_not_over_tcp),
		cmocka_unit_test(cookie_is_bound_to_the_address_but_not_to_the_port),
		cmocka_unit_test(endless_cookies_end_the_attempt),
		cmocka_unit_test(group_that_the_responder_wants_is_used_in_a_second_try),
		cmocka_unit_test(cookie_and_other_group_together_take_three_tries),
		cmocka_unit_test(group_that_was_not_offered_is_not_taken),
		cmocka_unit_test(no_proposal_chosen_over_udp_is_believed_after_a_while),
		cmocka_unit_test(forged_refusal_does_not_stop_the_real_answer),
		cmocka_unit_test(peer_without_a_connection_is_refused),
		cmocka_unit_test(tcp_is_taken_only_from_peers_configured_for_it),
		cmocka_unit_test(higher_major_version_is_answered_with_ours),
		cmocka_unit_test(higher_minor_version_is_fine),
		cmocka_unit_test(unknown_payloads_matter_only_when_critical),
		cmocka_unit_test(truncated_request_is_dropped),
		cmocka_unit_test(flipped_bits_never_hurt),
		cmocka_unit_test(wrong_key_exchange_length_is_invalid_syntax),
		cmocka_unit_test(refusals_to_strangers_are_rate_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
