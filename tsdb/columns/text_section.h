/* text_section.h - the parts that a page of templates is written in.
 *
 * A page's columns put like to like, so that each kind is packed as suits it:
 *
 *   TEXTS     forms, constants, dictionaries, texts       zstd
 *   NUMBERS   columns of codec/ints                       zstd where it pays
 *   CODES     a byte an item: templates and dictionaries  zstd where it pays
 *   RAW       ids that do not repeat                      as they are
 *
 *   section   u8 packing: 0 as it is, 1 zstd
 *             uv bytes in the clear
 *             packing 1 only: uv bytes packed
 *             the bytes
 *
 * What is unpacked has TEXT_SLACK bytes behind it that may be read, so that short texts
 * are copied a whole register at a time.
 */
#ifndef TSDB_COLUMNS_TEXT_SECTION_H
#define TSDB_COLUMNS_TEXT_SECTION_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum text_section { SECTION_TEXTS, SECTION_NUMBERS, SECTION_CODES, SECTION_RAW, SECTIONS };

enum { TEXT_SLACK = 32, TEXT_SECTIONS_ALL = (1 << SECTIONS) - 1 };

struct text_sections {
    struct writer at[SECTIONS]; /* owned */
};

void text_sections_release(struct text_sections *s);
/* Appends the sections in their order. */
void text_sections_pack(const struct text_sections *s, struct writer *out);
/* Bit i of `which`: section i, at most clear_max bytes, into what must be empty; the others
 * are passed over.  On an error, too, the caller releases *out. */
TSDB_NODISCARD enum tsdb_status text_sections_unpack(struct reader *in, size_t clear_max,
                                                     unsigned which, struct text_sections *out);

/* One section by itself. */
void text_section_pack(struct bytes clear, struct writer *out);
TSDB_NODISCARD enum tsdb_status text_section_unpack(struct reader *in, size_t clear_max,
                                                    struct writer *out);

#endif
