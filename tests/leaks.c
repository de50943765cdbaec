/* leaks.c - which process of a Criterion run looks for leaks: those that run a test.
 *
 * The runner, which starts one process a test, at times ends with a block that Criterion still
 * holds, and runs nothing of ours.  A suppression cannot say that: Criterion's library is in the
 * stack of every test. */
#include <stdlib.h>

__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

/* Asked by LeakSanitizer at the end of the process (sanitizer/lsan_interface.h).  BXFI_MAP is
 * what BoxFort, Criterion's sandbox, passes on to the process of a test. */
int __lsan_is_turned_off(void)
{
    return getenv("BXFI_MAP") == NULL;
}
