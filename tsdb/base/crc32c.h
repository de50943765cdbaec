/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4), hardware where there is any. */
#ifndef TSDB_BASE_CRC32C_H
#define TSDB_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues from `crc`; start with 0. */
uint32_t crc32c(uint32_t crc, const void *at, size_t len);
/* The table form, for machines without the instruction and for its test. */
uint32_t crc32c_portable(uint32_t crc, const void *at, size_t len);

#endif
