/* Runs a fuzz target without libFuzzer: every file of a corpus as it is, then mutations of them. The same
 * seed gives the same inputs.
 *
 *   replay-NAME [--runs N] [--seed N] [--save FILE] CORPUS...
 *
 * CORPUS is a folder or a single file. --save leaves the input that was under way in FILE, for when it
 * crashes. Exits with 0 when all was run; a target that finds something does not return. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 65535, CORPUS_MAX = 1024 };

struct input {
	uint8_t *data;
	size_t len;
};

static struct input corpus[CORPUS_MAX];
static size_t corpus_count;
static uint64_t random_state;
static const char *save_path;

static uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static size_t below(size_t limit)
{
	return limit ? next_random() % limit : 0;
}

static void die(const char *what, const char *path)
{
	fprintf(stderr, "%s: ", path);
	perror(what);
	exit(1);
}

static void load_file(const char *path)
{
	struct input *in = &corpus[corpus_count];
	FILE *f;

	if (corpus_count == CORPUS_MAX) {
		fprintf(stderr, "%s: more than %d inputs\n", path, CORPUS_MAX);
		exit(1);
	}
	f = fopen(path, "rb");
	in->data = malloc(INPUT_MAX);
	if (!f || !in->data)
		die("cannot read", path);
	in->len = fread(in->data, 1, INPUT_MAX, f);
	fclose(f);
	corpus_count++;
}

/* In the order of the names, so that the folder's own order doesn't matter. */
static void load(const char *path)
{
	struct dirent **entry;
	struct stat st;
	char name[4096];
	int n;

	if (stat(path, &st) != 0)
		die("cannot read", path);
	if (!S_ISDIR(st.st_mode)) {
		load_file(path);
		return;
	}
	n = scandir(path, &entry, NULL, alphasort);
	if (n < 0)
		die("cannot read", path);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.')
			load_file(name);
		free(entry[i]);
	}
	free(entry);
}

static void save(const uint8_t *data, size_t len)
{
	FILE *f = fopen(save_path, "wb");

	if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
		die("cannot write", save_path);
}

/* From memory that ends with the input, so that AddressSanitizer sees every read behind it. */
static void run(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	if (!exact)
		die("out of memory", "input");
	memcpy(exact, data, len);
	if (save_path)
		save(exact, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

/* Opens a gap of n octets at `at`, or as much as fits. Returns its size. */
static size_t insert_gap(uint8_t *data, size_t *len, size_t at, size_t n)
{
	if (n > INPUT_MAX - *len)
		n = INPUT_MAX - *len;
	memmove(data + at + n, data + at, *len - at);
	*len += n;
	return n;
}

static void remove_part(uint8_t *data, size_t *len, size_t at, size_t n)
{
	if (n > *len - at)
		n = *len - at;
	memmove(data + at, data + at + n, *len - at - n);
	*len -= n;
}

/* Writes a number of one, two or four octets, of those at which parsers stumble. */
static void poke_number(uint8_t *data, size_t len, size_t at)
{
	static const uint32_t odd[] = { 0,	1,	2,	3,	    4,	       5,
					7,	8,	0x7f,	0x80,	    0xff,      0x100,
					0x7fff, 0x8000, 0xffff, 0x80000000, 0xffffffff };
	size_t width = (size_t)1 << below(3);
	uint32_t v =
	    below(4) ? odd[below(sizeof(odd) / sizeof(odd[0]))] : (uint32_t)len + (uint32_t)below(9) - 4;

	for (size_t i = 0; i < width && at + i < len; i++)
		data[at + i] = (uint8_t)(v >> (8 * (width - 1 - i)));
}

static void mutate_once(uint8_t *data, size_t *len)
{
	size_t at = below(*len), n;
	const struct input *other = &corpus[below(corpus_count)];

	switch (below(9)) {
	case 0:
		if (*len)
			data[at] ^= (uint8_t)(1 << below(8));
		break;
	case 1:
		if (*len)
			data[at] = (uint8_t)next_random();
		break;
	case 2:
	case 3: poke_number(data, *len, at); break;
	case 4: *len = below(*len + 1); break;
	case 5: remove_part(data, len, at, 1 + below(16)); break;
	case 6:
		n = insert_gap(data, len, at, 1 + below(16));
		for (size_t i = 0; i < n; i++)
			data[at + i] = (uint8_t)next_random();
		break;
	case 7: /* a part of itself again */ n = insert_gap(data, len, at, 1 + below(*len - at)); break;
	default: /* the end of another */
		n = below(other->len + 1);
		if (n > INPUT_MAX - at)
			n = INPUT_MAX - at;
		memcpy(data + at, other->data + other->len - n, n);
		*len = at + n;
	}
}

static void mutate(uint8_t *data)
{
	const struct input *from = &corpus[below(corpus_count)];
	size_t len = from->len;

	memcpy(data, from->data, len);
	for (size_t i = 1 + below(6); i; i--)
		mutate_once(data, &len);
	run(data, len);
}

int main(int argc, char **argv)
{
	static uint8_t data[INPUT_MAX];
	unsigned long runs = 0;

	random_state = 1;
	for (int i = 1; i < argc; i++) {
		if (i + 1 < argc && strcmp(argv[i], "--runs") == 0)
			runs = strtoul(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
			random_state = strtoul(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--save") == 0)
			save_path = argv[++i];
		else
			load(argv[i]);
	}
	if (corpus_count == 0) {
		fprintf(stderr, "usage: %s [--runs N] [--seed N] [--save FILE] CORPUS...\n", argv[0]);
		return 1;
	}
	for (size_t i = 0; i < corpus_count; i++)
		run(corpus[i].data, corpus[i].len);
	for (unsigned long i = 0; i < runs; i++)
		mutate(data);
	printf("%zu inputs and %lu mutations\n", corpus_count, runs);
	for (size_t i = 0; i < corpus_count; i++)
		free(corpus[i].data);
	return 0;
}
