#include "esp/replay.h"

#include <stdlib.h>

#define WORD_BITS 64

/* Without a window, high bits still have to be guessed: a packet may be late by as much as this. */
#define EXPAND_WINDOW_DEFAULT 8192

enum cv_err esp_replay_init(struct esp_replay *r, uint32_t window)
{
	uint32_t words = 1;

	*r = (struct esp_replay){ .window = window };
	if (window > ESP_REPLAY_MAX)
		return CV_E_LIMIT;
	if (window == 0)
		return CV_OK;
	/* The window may begin within a word, so it touches one word more than it fills. */
	while (words < (window + WORD_BITS - 1) / WORD_BITS + 1)
		words *= 2;
	r->mask = words - 1;
	r->ring = calloc(words, sizeof *r->ring);
	return r->ring ? CV_OK : CV_E_NOMEM;
}

void esp_replay_free(struct esp_replay *r)
{
	free(r->ring);
	*r = (struct esp_replay){ 0 };
}

bool esp_replay_expand(const struct esp_replay *r, uint32_t low, uint64_t *sequence)
{
	uint32_t window = r->window ? r->window : EXPAND_WINDOW_DEFAULT;
	uint32_t top_low = (uint32_t)r->top;
	uint32_t top_high = (uint32_t)(r->top >> 32);
	uint32_t bottom = top_low - window + 1; /* modulo 2^32 */
	uint32_t high = top_high;

	if (top_low >= window - 1) { /* case A: the window lies within one span of 2^32 */
		if (low < bottom)
			high++;
		if (high < top_high)
			return false;
	} else if (low >= bottom) { /* case B: it reaches back into the span before */
		if (top_high == 0)
			return false;
		high--;
	}
	*sequence = (uint64_t)high << 32 | low;
	return true;
}

static uint64_t *ring_word(const struct esp_replay *r, uint64_t sequence)
{
	return &r->ring[sequence / WORD_BITS & r->mask];
}

static uint64_t word_bit(uint64_t sequence)
{
	return (uint64_t)1 << sequence % WORD_BITS;
}

bool esp_replay_check(const struct esp_replay *r, uint64_t sequence)
{
	if (r->window == 0)
		return true;
	if (sequence == 0) /* the first packet has number 1 (RFC 4303 section 2.2) */
		return false;
	if (sequence > r->top)
		return true;
	return r->top - sequence < r->window && !(*ring_word(r, sequence) & word_bit(sequence));
}

bool esp_replay_update(struct esp_replay *r, uint64_t sequence)
{
	bool newest = sequence > r->top;

	if (newest && r->window > 0) {
		uint64_t steps = sequence / WORD_BITS - r->top / WORD_BITS;

		/* Words that come into the window forget what they held a turn of the ring ago. */
		for (uint64_t i = 1; i <= steps && i <= (uint64_t)r->mask + 1; i++)
			*ring_word(r, r->top + i * WORD_BITS) = 0;
	}
	if (newest)
		r->top = sequence;
	if (r->window > 0)
		*ring_word(r, sequence) |= word_bit(sequence);
	return newest;
}
