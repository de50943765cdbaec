#include "tsdb/base/crc32c.h"

#include <stdbool.h>
#include <string.h>

/* Reflected polynomial of Castagnoli. */
static const uint32_t POLYNOMIAL = 0x82f63b78u;

uint32_t crc32c_portable(uint32_t crc, const void *at, size_t len)
{
    const uint8_t *p = at;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (POLYNOMIAL & (0u - (crc & 1u)));
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

/* One stream: 8 bytes in 3 cycles, about 7 GB/s; enough beside the memcpy. */
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse(uint32_t crc, const uint8_t *p,
                                                             size_t len)
{
    uint64_t c = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        c = _mm_crc32_u64(c, word);
    }
    uint32_t c32 = (uint32_t)c;
    for (; len > 0; len--, p++)
        c32 = _mm_crc32_u8(c32, *p);
    return ~c32;
}

uint32_t crc32c(uint32_t crc, const void *at, size_t len)
{
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_sse(crc, at, len);
    return crc32c_portable(crc, at, len);
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

uint32_t crc32c(uint32_t crc, const void *at, size_t len)
{
    const uint8_t *p = at;
    crc = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        crc = __crc32cd(crc, word);
    }
    for (; len > 0; len--, p++)
        crc = __crc32cb(crc, *p);
    return ~crc;
}
#else
uint32_t crc32c(uint32_t crc, const void *at, size_t len)
{
    return crc32c_portable(crc, at, len);
}
#endif
