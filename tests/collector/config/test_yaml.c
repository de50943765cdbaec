#include "tests/collector/config/prop_config.h"

#include "tsdb/base/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Goal: files that are nearly right do no harm, and the law of prop_config.h.
 * Method: bytes of a good file are changed, removed or doubled; TEST_SEED
 * replays a run. */
Test(yaml, mutated_files_are_refused_or_round_trip)
{
    static const char good[] = "# sample\nretention: 12h\nhttp_listen: \":4318\"\n"
                               "allow_insecure_listen: true\ndata_dir: ${HOME}/x${DAYS:-1}\n"
                               "otlp_promote_resource_attributes: [a.b, c, '$$']\n"
                               "memory_limit: 80%\njournal_sync: os\nseries_max: 1000\n";
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20261124;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    struct random r;
    random_init(&r, seed);
    int accepted = 0;
    for (int round = 0; round < 5000; round++) {
        uint8_t text[2 * sizeof good];
        size_t len = sizeof good - 1;
        memcpy(text, good, len);
        for (uint64_t n = random_below(&r, 4); n > 0; n--) {
            size_t at = random_below(&r, len), cut = random_below(&r, 8);
            uint64_t how = random_below(&r, 3);
            if (how == 0)
                text[at] = (uint8_t)good[random_below(&r, sizeof good - 1)];
            else if (how == 1 && at + cut < len)
                memmove(text + at, text + at + cut, (len -= cut) - at);
            else
                text[at] = (uint8_t)random_next(&r);
        }
        accepted += prop_config_round_trip(text, len);
    }
    cr_assert_gt(accepted, 1000, "only %d of 5000 files were accepted", accepted);
}

Test(yaml, deep_nesting_is_refused)
{
    static uint8_t text[200000];
    memset(text, '[', sizeof text);
    cr_assert_not(prop_config_round_trip(text, sizeof text));
    memset(text, '{', sizeof text);
    cr_assert_not(prop_config_round_trip(text, sizeof text));
}
