/* Memory runs out at every single allocation in turn: the answer is CV_E_NOMEM or a good result, and nothing
 * is lost (the sanitizers watch). malloc and its kin are wrapped by the linker. */
#include "conf_text.h"

#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);

static long allocations_left = -1; /* negative: no end */

static bool is_over(void)
{
	if (allocations_left < 0)
		return false;
	return allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return is_over() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_over() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return is_over() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
	return is_over() ? NULL : __real_strdup(text);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static const char conf_file[] =
    "include part*.conf\nconfig setup\n\tlisten-tcp=yes\n\tinterfaces=x\nconn %default\n"
    "\tauthby=secret\n\tauto=add\nconn a\n\tauto=add\n\talso=b\n\tleft=192.0.2.1\n\tright=192.0.2.2\n"
    "\tleftsubnets=10.0.0.0/8 ::/0\nconn c\n\tleft=192.0.2.1\n\tright=192.0.2.3\n";
static const char part_file[] = "conn b\n\tauto=ignore\n\tleftid=@b\n\tmobike=yes\n";
static const char secrets_file[] =
    "include keys*.part\n@a @b : PSK \"0123456789abcdef\"\n: PSK 0x00112233\n: PSK 0sAAAA\n";

static bool load_all_once(const char *conf_path, const char *secrets_path, long allocations)
{
	struct conf *conf;
	struct conf_secrets *secrets;
	struct conf_message *conf_messages, *secrets_messages;
	size_t conf_count, secrets_count;
	enum cv_err a, b;

	allocations_left = allocations;
	a = conf_load(conf_path, &conf, &conf_messages, &conf_count);
	allocations_left = allocations;
	b = conf_secrets_load(secrets_path, &secrets, &secrets_messages, &secrets_count);
	allocations_left = -1;
	assert_true(a == CV_OK || a == CV_E_NOMEM);
	assert_true(b == CV_OK || b == CV_E_NOMEM);
	assert_true((a == CV_OK) == (conf != NULL) && (b == CV_OK) == (secrets != NULL));
	conf_free(conf);
	conf_secrets_free(secrets);
	free(conf_messages);
	free(secrets_messages);
	return a == CV_OK && b == CV_OK;
}

static void test_loading_survives_the_end_of_memory_at_every_step(void **state)
{
	char folder[] = "/tmp/culvert-memory-XXXXXX";
	char conf_path[64], part_path[64], secrets_path[64], keys_path[64];
	long allocations = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(conf_path, sizeof(conf_path), "%s/ipsec.conf", folder);
	snprintf(part_path, sizeof(part_path), "%s/part1.conf", folder);
	snprintf(secrets_path, sizeof(secrets_path), "%s/ipsec.secrets", folder);
	snprintf(keys_path, sizeof(keys_path), "%s/keys.part", folder);
	put(conf_path, conf_file);
	put(part_path, part_file);
	put(secrets_path, secrets_file);
	put(keys_path, "%any : PSK '0123456789abcdef'\n");
	while (!load_all_once(conf_path, secrets_path, allocations))
		allocations++;
	assert_in_range(allocations, 20, 1000);
	unlink(conf_path);
	unlink(part_path);
	unlink(secrets_path);
	unlink(keys_path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loading_survives_the_end_of_memory_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
