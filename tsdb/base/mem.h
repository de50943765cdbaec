/* mem.h - the only way to the allocator.
 *
 * malloc failing aborts (see tsdb.h), so nothing here returns NULL.  jemalloc
 * backs it, or libc under the sanitizers (ANDON_LIBC_MALLOC).
 */
#ifndef TSDB_BASE_MEM_H
#define TSDB_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* count * size zeroed bytes; an overflowing product aborts. */
void *mem_array(size_t count, size_t size);
/* Uninitialised. */
void *mem_alloc(size_t bytes);
void *mem_grow(void *block, size_t count, size_t size);
/* mem_free(NULL) is a no-op. */
void mem_free(void *block);
/* What the allocator really reserved for the block. */
size_t mem_usable(void *block);
char *mem_text(const char *at, size_t len); /* NUL-terminated copy; owned by the caller */

/* Bytes that the allocator has handed out, in the whole process. */
uint64_t mem_in_use(void);
/* Returns unused pages to the kernel. */
void mem_trim(void);

#define MEM_NEW(type) ((type *)mem_array(1, sizeof(type)))
#define MEM_ARRAY(type, n) ((type *)mem_array((n), sizeof(type)))

#endif
