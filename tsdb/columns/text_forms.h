/* text_forms.h - texts that are numbers: to the number and back to the same bytes.
 *
 * A parse answers true only when the format of the same form gives back every byte.
 *
 *   INT      [-]digits, no leading zero, no "-0", within +-(2^63 - 1)
 *   DIGITS   `width` digits, 1 to 18, with a '.' behind the first `dot` (0: without)
 *   DECIMAL  an INT, '.', `scale` digits; 1 to 18 digits together; "-0.0" is not one
 *   IPV4     four INTs of 0 to 255 with dots; the first is the highest byte
 *   HEX      digits of one case, the first in the high half of a byte; with dashes
 *            after the digits 8, 12, 16, 20 of 32 it is a UUID
 *
 * Formats write at most TEXT_FORM_MAX bytes and answer how many.  Pure.
 */
#ifndef TSDB_COLUMNS_TEXT_FORMS_H
#define TSDB_COLUMNS_TEXT_FORMS_H

#include "tsdb/tsdb.h"

#include <stdbool.h>

enum {
    TEXT_FORM_MAX = 64,
    TEXT_DIGITS_MAX = 18,
    TEXT_HEX_MAX = 64, /* digits */
    TEXT_UUID_LEN = 36,
};

bool text_int_parse(struct tsdb_text t, int64_t *out);
bool text_digits_parse(struct tsdb_text t, unsigned dot, int64_t *out);
bool text_decimal_parse(struct tsdb_text t, unsigned scale, int64_t *out);
/* The digits behind its one dot; 0: it is no decimal. */
unsigned text_decimal_scale(struct tsdb_text t);
bool text_ipv4_parse(struct tsdb_text t, int64_t *out);
/* (len + 1) / 2 bytes; of a UUID 16. */
bool text_hex_parse(struct tsdb_text t, bool is_upper, uint8_t *out);
bool text_uuid_parse(struct tsdb_text t, bool is_upper, uint8_t *out);

size_t text_int_format(int64_t v, char *out);
/* v in [0, 10^width), dot < width. */
size_t text_digits_format(int64_t v, unsigned width, unsigned dot, char *out);
size_t text_decimal_format(int64_t v, unsigned scale, char *out);
/* v in [0, 2^32). */
size_t text_ipv4_format(int64_t v, char *out);
void text_hex_format(const uint8_t *at, unsigned digits, bool is_upper, char *out);
void text_uuid_format(const uint8_t *at, bool is_upper, char *out);

/* 10^n, n at most 19. */
extern const uint64_t text_powers[20];

#endif
