/* The table of options: whole, ordered, and doing what it says. */
#include "conf_text.h"

#include <strings.h>

static void test_options_are_ordered_by_section_and_name_each_once(void **state)
{
	const struct conf_option *o = conf_options();

	(void)state;
	for (; o[1].name; o++) {
		int order = o[0].section - o[1].section;

		if (order == 0)
			order = strcmp(o[0].name, o[1].name);
		if (order >= 0)
			fail_msg("%s must stand before %s", o[1].name, o[0].name);
	}
}

static const struct conf_option *find(uint8_t section, const char *name)
{
	for (const struct conf_option *o = conf_options(); o->name; o++)
		if (o->section == section && strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static void test_every_option_is_described_and_says_why_it_is_not_carried_out(void **state)
{
	(void)state;
	for (const struct conf_option *o = conf_options(); o->name; o++) {
		const struct conf_option *target = o->alias ? find(o->section, o->alias) : o;

		if (!target || target->alias || target->sided != o->sided || target->support != o->support)
			fail_msg("%s: its alias leads nowhere, or to something else", o->name);
		if (!o->type[0] || (!o->text && !o->alias))
			fail_msg("%s has no type or text", o->name);
		if ((o->support == CONF_CARRIED_OUT) != (o->why == NULL))
			fail_msg("%s must say why exactly when it is not carried out", o->name);
		if (target->support == CONF_CARRIED_OUT && !target->apply && !target->words && !target->also)
			fail_msg("%s is said to be carried out, but nothing does it", o->name);
		if (o->support != CONF_CARRIED_OUT && o->apply)
			fail_msg("%s is carried out, but said not to be", o->name);
	}
}

static const char *full_name(const struct conf_option *o, char out[64])
{
	snprintf(out, 64, "%s%s", o->sided ? "left" : "", o->name);
	return out;
}

static struct loaded load_option(const struct conf_option *o, const char *value)
{
	struct loaded l;
	char name[64];
	char *text;

	full_name(o, name);
	if (o->section == CONF_SECTION_SETUP)
		assert_true(asprintf(&text, "config setup\n\t%s=%s\n", name, value) > 0);
	else
		assert_true(asprintf(&text,
				     "conn net\n\t%s=%s\n\tauthby=secret\n\tauto=add\n\tleft=192.0.2.1\n"
				     "\tright=192.0.2.2\n",
				     name, value) > 0);
	l = load_text(text);
	free(text);
	return l;
}

static bool is_essential(const struct conf_option *o)
{
	static const char *const essential[] = { "left", "right", "auto", "authby" };

	for (size_t i = 0; i < 4; i++)
		if (strcmp(o->name, essential[i]) == 0)
			return true;
	return false;
}

static void test_every_default_can_be_written_down(void **state)
{
	(void)state;
	for (const struct conf_option *o = conf_options(); o->name; o++) {
		struct loaded l;

		if (!*o->fallback || is_essential(o))
			continue;
		l = load_option(o, o->fallback);
		/* rekey=yes is the default and yet not done, so it says something */
		if (l.err != CV_OK || (l.count && strcmp(o->name, "rekey") != 0))
			fail_msg("%s=%s: %s", o->name, o->fallback,
				 l.count ? l.messages[0].text : cv_err_text(l.err));
		unload(&l);
	}
}

static void test_other_values_of_ignored_options_load_with_one_line(void **state)
{
	(void)state;
	for (const struct conf_option *o = conf_options(); o->name; o++) {
		bool truth = strcmp(o->type, "boolean") == 0;
		struct loaded l;

		if (o->support != CONF_IGNORED || o->words)
			continue;
		l = load_option(o, truth ? strcmp(o->fallback, "no") == 0 ? "yes" : "no" : "17");
		if (l.err != CV_OK || l.count != 1 || !said(&l, "is ignored: ") ||
		    l.messages[0].level == CV_LOG_ERROR)
			fail_msg("%s: %s", o->name, l.count ? l.messages[0].text : "nothing said");
		unload(&l);
	}
}

static void test_other_values_of_refused_options_make_the_file_invalid(void **state)
{
	(void)state;
	for (const struct conf_option *o = conf_options(); o->name; o++) {
		bool truth = strcmp(o->type, "boolean") == 0;
		struct loaded l;

		if (o->support != CONF_REFUSED || o->words)
			continue;
		l = load_option(o, truth ? strcmp(o->fallback, "no") == 0 ? "yes" : "no" : "17");
		if (l.err != CV_E_SYNTAX || !said(&l, " is not possible: "))
			fail_msg("%s: %s", o->name, l.count ? l.messages[0].text : "nothing said");
		unload(&l);
	}
}

/* One value for each option that is carried out, other than its default. */
static const struct {
	const char *name;
	const char *value;
} effects[] = {
	{ "ddos-ike-threshold", "17" },
	{ "ddos-mode", "busy" },
	{ "ike-socket-bufsize", "64Ki" },
	{ "keep-alive", "33s" },
	{ "listen", "192.0.2.9" },
	{ "listen-tcp", "443, 4500" },
	{ "listen-udp", "no" },
	{ "logappend", "no" },
	{ "logfile", "/tmp/log" },
	{ "logtime", "no" },
	{ "max-halfopen-ike", "99" },
	{ "plutodebug", "base,crypt" },
	{ "secretsfile", "/etc/other" },
	{ "tcp-congestion", "cubic" },
	{ "uniqueids", "no" },
	{ "leftauth", "null" },
	{ "authby", "null" },
	{ "auto", "start" },
	{ "dpddelay", "10" },
	{ "enable-tcp", "fallback" },
	{ "encapsulation", "yes" },
	{ "esn", "no" },
	{ "esp", "aes256gcm16" },
	{ "hostaddrfamily", "ipv6" },
	{ "leftid", "@me" },
	{ "ike", "aes256gcm16" },
	{ "leftikeport", "501" },
	{ "left", "192.0.2.77" },
	{ "metric", "5" },
	{ "mtu", "1400" },
	{ "narrowing", "yes" },
	{ "nat-keepalive", "no" },
	{ "pfs", "no" },
	{ "phase2alg", "aes256gcm16" },
	{ "leftprotoport", "tcp/80" },
	{ "replay-window", "64" },
	{ "retransmit-interval", "100" },
	{ "retransmit-timeout", "10s" },
	{ "right", "192.0.2.78" },
	{ "leftsourceip", "192.0.2.5" },
	{ "leftsubnet", "10.1.0.0/16" },
	{ "leftsubnets", "10.1.0.0/16,10.2.0.0/16" },
	{ "tcp-remoteport", "443" },
	{ "leftupdown", "/bin/true" },
};

/* These are carried out in that only one value is possible, or are seen elsewhere (also=: files_test.c). */
static const char *const without_effect[] = { "also", "ikev2", "keyexchange", "type" };

static const char *effect_of(const struct conf_option *o)
{
	char name[64];

	full_name(o, name);
	for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++)
		if (strcmp(effects[i].name, name) == 0)
			return effects[i].value;
	return NULL;
}

static bool has_no_effect(const char *name)
{
	for (size_t i = 0; i < sizeof(without_effect) / sizeof(*without_effect); i++)
		if (strcmp(without_effect[i], name) == 0)
			return true;
	return false;
}

/* Whether the compiled structs differ beyond what the digest and the line say. */
static bool differs(const struct loaded *a, const struct loaded *b, const struct conf_option *o)
{
	struct conf_conn x, y;

	if (o->section == CONF_SECTION_SETUP)
		return memcmp(conf_setup(a->conf), conf_setup(b->conf), sizeof(struct conf_setup)) != 0;
	x = *conf_conn_find(a->conf, "net");
	y = *conf_conn_find(b->conf, "net");
	x.digest = y.digest = 0;
	x.line = y.line = 0;
	return memcmp(&x, &y, sizeof(x)) != 0;
}

static void test_every_carried_out_option_changes_what_is_compiled(void **state)
{
	struct loaded plain = load_text(
	    "config setup\nconn net\n\tauthby=secret\n\tauto=add\n\tleft=192.0.2.1\n\tright=192.0.2.2\n");

	(void)state;
	assert_int_equal(plain.err, CV_OK);
	for (const struct conf_option *o = conf_options(); o->name; o++) {
		struct loaded l;

		if (o->support != CONF_CARRIED_OUT || has_no_effect(o->name))
			continue;
		if (!effect_of(o))
			fail_msg("%s: name a value for it in this test", o->name);
		l = load_option(o, effect_of(o));
		if (l.err != CV_OK || !differs(&plain, &l, o))
			fail_msg("%s=%s changes nothing (%s)", o->name, effect_of(o),
				 l.count ? l.messages[0].text : "-");
		unload(&l);
	}
	unload(&plain);
}

static void test_options_print_every_option_and_its_reason(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	conf_options_print(out);
	assert_int_equal(fclose(out), 0);
	for (const struct conf_option *o = conf_options(); o->name; o++) {
		char line[160];

		if (o->sided)
			snprintf(line, sizeof(line), "\n  left%s, right%s (", o->name, o->name);
		else
			snprintf(line, sizeof(line), "\n  %s (", o->name);
		if (!strstr(text, line))
			fail_msg("%s is not printed", o->name);
	}
	for (const char *p = text; *p; p += strcspn(p, "\n") + 1)
		assert_in_range(strcspn(p, "\n"), 0, 110);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_are_ordered_by_section_and_name_each_once),
		cmocka_unit_test(test_every_option_is_described_and_says_why_it_is_not_carried_out),
		cmocka_unit_test(test_every_default_can_be_written_down),
		cmocka_unit_test(test_other_values_of_ignored_options_load_with_one_line),
		cmocka_unit_test(test_other_values_of_refused_options_make_the_file_invalid),
		cmocka_unit_test(test_every_carried_out_option_changes_what_is_compiled),
		cmocka_unit_test(test_options_print_every_option_and_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
