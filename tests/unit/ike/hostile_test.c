/* What a stranger, a confused peer or a network that repeats itself can send. */
#include <stdio.h>
#include <string.h>

#include "ike/core.h"
#include "lib/log.h"
#include "rig.h"

/* Changes the message on its way: type of the last payload, say. Returns the offset of the field that names
 * the type of payload number n (0: the first). */
static size_t next_field(const struct rig_packet *p, unsigned n)
{
	size_t field = 16, at = WIRE_IKE_HEADER_LEN;

	while (n--) {
		field = at;
		at += cv_get_u16(p->data + at + 2);
		assert_true(at < p->len);
	}
	return field;
}

/* The number of payloads in a message in the clear. */
static unsigned payloads(const struct rig_packet *p)
{
	unsigned n = 0;

	for (size_t at = WIRE_IKE_HEADER_LEN; at < p->len; at += cv_get_u16(p->data + at + 2))
		n++;
	return n;
}

/* R7296-2.5-3: types that some registry knows but we don't are skipped like any other. */
static void payloads_of_later_rfcs_are_skipped(void **state)
{
	static const uint8_t types[] = { 1, 32, 49, 50, 51, 52, 54, 55, 127, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct rig *rig = rig_new_usual();
		struct rig_packet *p;

		assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
		p = rig_peek(rig);
		p->data[next_field(p, payloads(p) - 1)] = types[i];
		rig_deliver(rig);
		rig_expect(rig, &rig->a, WIRE_IKE_SA_INIT, true);
		assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 1);
		rig_free(rig);
	}
}

/* One message is on its way, b's unprotected INVALID_SYNTAX; nothing of it is kept. */
static void assert_refused_as_unreadable(struct rig *rig)
{
	struct rig_packet *p = rig_peek(rig);

	assert_non_null(p);
	assert_int_equal(p->len, WIRE_IKE_HEADER_LEN + 8);
	assert_int_equal(p->data[16], WIRE_NOTIFY);
	assert_int_equal(p->data[19], WIRE_FLAG_RESPONSE);
	assert_int_equal(cv_get_u16(p->data + WIRE_IKE_HEADER_LEN + 6), WIRE_N_INVALID_SYNTAX);
	rig_lose(rig);
	assert_null(rig_peek(rig));
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	assert_int_equal(ike_engine_counters(rig->b.e)->malformed, 1);
}

/* R7296-3.3.1-1: an SPI inside the SA payload has no place in IKE_SA_INIT. */
static void offer_with_an_spi_inside_is_refused(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet *p, changed;
	size_t sa = WIRE_IKE_HEADER_LEN, proposal = sa + 4;

	(void)state;
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	p = rig_peek(rig);
	assert_int_equal(p->data[16], WIRE_SA);
	changed = *p;
	memmove(changed.data + proposal + 16, changed.data + proposal + 8, changed.len - proposal - 8);
	changed.len += 8;
	changed.data[proposal + 6] = 8;
	cv_put_u16(changed.data + proposal + 2, (uint16_t)(cv_get_u16(changed.data + proposal + 2) + 8));
	cv_put_u16(changed.data + sa + 2, (uint16_t)(cv_get_u16(changed.data + sa + 2) + 8));
	cv_put_u32(changed.data + 24, (uint32_t)changed.len);
	rig_lose(rig);
	rig_inject(&rig->b, &changed.path, changed.data, changed.len);
	assert_refused_as_unreadable(rig);
	rig_free(rig);
}

/* A header alone, as over TCP from a peer that stops there: the answer is one notification, 36 octets (RFC
 * 7296 section 2.21.1). */
static void header_without_payloads_is_refused(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet *p, changed;

	(void)state;
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	p = rig_peek(rig);
	changed = *p;
	changed.len = WIRE_IKE_HEADER_LEN;
	changed.data[16] = WIRE_NO_NEXT;
	cv_put_u32(changed.data + 24, (uint32_t)changed.len);
	rig_lose(rig);
	rig_inject(&rig->b, &changed.path, changed.data, changed.len);
	assert_refused_as_unreadable(rig);
	rig_free(rig);
}

/* R7296-3.1-1: what has no initiator's SPI is not answered, whatever its version. */
static void message_without_spi_is_never_answered(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet *p, copy;

	(void)state;
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	p = rig_peek(rig);
	memset(p->data, 0, 8);
	copy = *p;
	rig_deliver(rig);
	copy.data[17] = 0x30;
	rig_inject(&rig->b, &copy.path, copy.data, copy.len);
	assert_null(rig_peek(rig));
	rig_free(rig);
}

static void two_groups(struct ike_conn *conn)
{
	struct wire_proposal *p = &conn->ike_proposals.proposal[0];
	struct wire_transform other = { .type = WIRE_T_KE, .id = WIRE_KE_ECP256 };

	p->transform[p->transform_count++] = other;
}

static void only_the_other_group(struct ike_conn *conn)
{
	struct wire_proposal *p = &conn->ike_proposals.proposal[0];

	for (unsigned i = 0; i < p->transform_count; i++) {
		if (p->transform[i].type == WIRE_T_KE)
			p->transform[i].id = WIRE_KE_ECP256;
	}
}

static void change(struct rig_end *end, void (*edit)(struct ike_conn *conn))
{
	struct ike_conn conn;

	rig_usual(end, &conn);
	edit(&conn);
	rig_conn_set(end, &conn);
}

/* A request that was repeated before the first answer came is answered twice: the second INVALID_KE_PAYLOAD
 * is no complaint about the new group. */
static void repeated_wish_for_a_group_changes_nothing(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet answer;

	(void)state;
	change(&rig->a, two_groups);
	change(&rig->b, only_the_other_group);
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	rig_deliver(rig);
	rig_expect(rig, &rig->a, WIRE_IKE_SA_INIT, true);
	answer = *rig_peek(rig);
	rig_deliver(rig);
	rig_expect(rig, &rig->b, WIRE_IKE_SA_INIT, false);
	for (unsigned i = 0; i < 10; i++)
		rig_inject(&rig->a, &answer.path, answer.data, answer.len);
	assert_false(rig_said(&rig->a, IKE_REPORT_PROGRESS, "does not offer"));
	rig_run(rig);
	rig_assert_same_children(rig, 1);
	rig_free(rig);
}

/* ... and the same cookie a second time asks for nothing new. */
static void repeated_cookie_changes_nothing(void **state)
{
	struct ike_engine_config config = { .cookie_always = true, .initiate_udp = true };
	struct rig *rig = rig_new(&config);
	struct rig_packet answer;
	struct ike_conn conn;

	(void)state;
	rig_usual(&rig->a, &conn);
	rig_conn_set(&rig->a, &conn);
	rig_usual(&rig->b, &conn);
	rig_conn_set(&rig->b, &conn);
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	rig_deliver(rig);
	rig_expect(rig, &rig->a, WIRE_IKE_SA_INIT, true);
	answer = *rig_peek(rig);
	rig_deliver(rig);
	rig_expect(rig, &rig->b, WIRE_IKE_SA_INIT, false);
	for (unsigned i = 0; i < 10; i++)
		rig_inject(&rig->a, &answer.path, answer.data, answer.len);
	assert_false(rig_said(&rig->a, IKE_REPORT_PROGRESS, "again and again"));
	rig_lose(rig);
	assert_null(rig_peek(rig));
	rig_pass(rig, 2000);
	rig_assert_same_children(rig, 1);
	rig_free(rig);
}

static void tcp_only(struct ike_conn *conn)
{
	conn->rung_count = 1;
	conn->rung[0] = (struct ike_rung){ .transport = IKE_TCP, .port = 4500 };
}

/* R9329-6.3-1: no cookie protects a TCP responder, so one stream may cost it a few key exchanges only. */
static void one_stream_cannot_begin_again_and_again(void **state)
{
	struct ike_path path = { .transport = IKE_TCP, .stream_id = 1ull << 63 | 7 };
	struct rig *rig = rig_new_usual();
	struct rig_packet init;

	(void)state;
	change(&rig->b, tcp_only);
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	init = *rig_peek(rig);
	path.remote = init.path.remote;
	path.local = init.path.local;
	for (unsigned i = 1; i <= 30; i++) {
		init.data[0] = (uint8_t)i; /* another SPI */
		rig_inject(&rig->b, &path, init.data, init.len);
	}
	assert_int_equal(rig->sent_tcp, IKE_STREAM_INITS_MAX);
	path.stream_id++; /* another stream is not held responsible */
	init.data[1]++;
	rig_inject(&rig->b, &path, init.data, init.len);
	assert_int_equal(rig->sent_tcp, IKE_STREAM_INITS_MAX + 1);
	rig_free(rig);
}

/* An engine may be freed at any moment, with streams that wait to be used. */
static void engine_with_waiting_streams_can_be_freed(void **state)
{
	struct ike_path path = { .transport = IKE_TCP, .stream_id = 1ull << 63 | 99 };
	static const uint8_t rubbish[40] = { 1 };
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->a, tcp_only);
	path.remote.ip = rig->a.ip;
	path.local.ip = rig->b.ip;
	rig_inject(&rig->b, &path, rubbish, sizeof(rubbish));
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	rig_free(rig);
}

/* --- the log --- */

static unsigned loud_lines; /* that everybody sees who has not asked for details */
static char latest_loud[512];

static void count_line(void *arg, enum cv_log_level level, const char *line)
{
	(void)arg;
	if (level > CV_LOG_NOTICE)
		return;
	loud_lines++;
	snprintf(latest_loud, sizeof(latest_loud), "%s", line);
}

/* Anybody can begin an IKE SA and fail to prove who he is: that must not fill the log. */
static void failed_authentication_fills_no_log(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	/* A gives up at once and writes lines of its own: only B's are counted. */
	rig->a.secret = "wrong";
	cv_log_set_sink(count_line, NULL);
	loud_lines = 0;
	for (unsigned i = 0; i < 100; i++) {
		unsigned before;

		assert_int_equal(rig_up(&rig->a, "net", 0), CV_OK);
		rig_deliver(rig);
		rig_deliver(rig);
		before = loud_lines;
		rig_expect(rig, &rig->b, WIRE_IKE_AUTH, false);
		rig_deliver(rig);
		assert_true(i > 0 || loud_lines == before + 1);
		assert_true(i < 20 || loud_lines == before);
		rig_run(rig);
		rig->a.report_count = rig->b.report_count = 0;
	}
	/* The next line says how many were left out. */
	rig_wait(rig, 20000);
	assert_int_equal(rig_up(&rig->a, "net", 0), CV_OK);
	rig_deliver(rig);
	rig_deliver(rig);
	rig_deliver(rig);
	assert_non_null(
	    strstr(latest_loud,
		   "authentication failed: the secrets of the two ends differ (95 more were not logged)"));
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payloads_of_later_rfcs_are_skipped),
		cmocka_unit_test(offer_with_an_spi_inside_is_refused),
		cmocka_unit_test(header_without_payloads_is_refused),
		cmocka_unit_test(message_without_spi_is_never_answered),
		cmocka_unit_test(repeated_wish_for_a_group_changes_nothing),
		cmocka_unit_test(repeated_cookie_changes_nothing),
		cmocka_unit_test(one_stream_cannot_begin_again_and_again),
		cmocka_unit_test(engine_with_waiting_streams_can_be_freed),
		cmocka_unit_test(failed_authentication_fills_no_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
