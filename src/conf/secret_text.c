#include "conf/secret_text.h"

#include <string.h>

static const char no_memory[] = "there is not enough memory";

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Underscores may part groups of digits, as libreswan takes them. */
static const char *parse_hex(struct cv_bytes text, struct cv_secret *out)
{
	size_t digits = 0;
	size_t len = 0;

	if (cv_secret_alloc(out, text.len / 2 + 1) != CV_OK)
		return no_memory;
	for (size_t i = 0; i < text.len; i++) {
		int v = hex_value(text.data[i]);

		if (text.data[i] == '_' && digits % 2 == 0)
			continue;
		if (v < 0)
			return "after 0x there must be hexadecimal digits only";
		out->data[digits / 2] = (uint8_t)(out->data[digits / 2] << 4 | v);
		digits++;
	}
	len = digits / 2;
	if (digits % 2)
		return "after 0x there must be an even number of digits";
	out->len = len;
	return NULL;
}

static const char *parse_base64(struct cv_bytes text, struct cv_secret *out)
{
	uint32_t bits = 0;
	size_t count = 0;
	size_t len = text.len;

	while (len && text.data[len - 1] == '=' && text.len - len < 2)
		len--;
	if (cv_secret_alloc(out, len / 4 * 3 + 3) != CV_OK)
		return no_memory;
	out->len = 0;
	for (size_t i = 0; i < len; i++) {
		int v = base64_value(text.data[i]);

		if (v < 0)
			return "after 0s there must be base64 only";
		bits = bits << 6 | (uint32_t)v;
		if (count++ % 4)
			out->data[out->len++] = (uint8_t)(bits >> (6 - 2 * ((count - 1) % 4)));
	}
	return count % 4 == 1 ? "the base64 after 0s ends too early" : NULL;
}

static const char *parse_plain(struct cv_bytes text, struct cv_secret *out)
{
	return cv_secret_copy(out, text) == CV_OK ? NULL : no_memory;
}

/* What stands between the quotes is the secret as it is; there are no escapes. */
static const char *parse_quoted(struct cv_bytes text, struct cv_secret *out)
{
	const uint8_t *end = memchr(text.data + 1, text.data[0], text.len - 1);

	if (!end)
		return "the closing quote of the secret is missing";
	if (end != text.data + text.len - 1)
		return "there is something behind the closing quote of the secret";
	return parse_plain(cv_bytes(text.data + 1, text.len - 2), out);
}

static struct cv_bytes behind(struct cv_bytes text, size_t n)
{
	return cv_bytes(text.data + n, text.len - n);
}

static bool starts_with(struct cv_bytes text, const char *two)
{
	return text.len >= 2 && text.data[0] == (uint8_t)two[0] && (text.data[1] | 0x20) == two[1];
}

static const char *parse_any(struct cv_bytes text, struct cv_secret *out)
{
	if (!text.len)
		return "there is no secret behind PSK";
	if (text.data[0] == '"' || text.data[0] == '\'')
		return parse_quoted(text, out);
	if (starts_with(text, "0x"))
		return parse_hex(behind(text, 2), out);
	if (starts_with(text, "0s"))
		return parse_base64(behind(text, 2), out);
	if (starts_with(text, "0t"))
		return parse_plain(behind(text, 2), out);
	return "the secret must be in quotes, or start with 0x (hexadecimal), 0s (base64) or 0t (text)";
}

enum cv_err conf_secret_text_parse(struct cv_bytes text, struct cv_secret *out, const char **wrong)
{
	*out = (struct cv_secret){ 0 };
	*wrong = parse_any(text, out);
	if (!*wrong && !out->len)
		*wrong = "the secret is empty";
	if (!*wrong)
		return CV_OK;
	cv_secret_free(out);
	return *wrong == no_memory ? CV_E_NOMEM : CV_E_SYNTAX;
}
