#include "collector/decode/log_service.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

static struct tsdb_text find(const char *a, const char *av, const char *b, const char *bv)
{
    struct tsdb_label labels[] = {{text_of(a), text_of(av)}, {text_of(b), text_of(bv)}};
    return log_service_find((struct tsdb_labels){labels, 2});
}

Test(log_service, the_best_label_names_the_service)
{
    cr_assert(text_equal(find("job", "j", "app", "a"), text_of("a")));
    cr_assert(text_equal(find("app", "a", "service", "s"), text_of("s")));
    cr_assert(text_equal(find("k8s_job_name", "k", "x", "y"), text_of("k")));
    cr_assert(text_equal(find("service", "", "job", "j"), text_of("j")), "empty is none");
    cr_assert(text_equal(find("a", "b", "c", "d"), text_of("unknown_service")));
    cr_assert_eq(find("service_name", "n", "app", "a").len, 0, "there already");
    cr_assert(text_equal(log_service_find((struct tsdb_labels){0}), text_of("unknown_service")));
}

Test(log_service, ranks_see_through_other_characters)
{
    cr_assert_eq(log_service_rank(text_of("service.name")), 0);
    cr_assert_eq(log_service_rank(text_of("service_name")), 0);
    cr_assert_eq(log_service_rank(text_of("service")), 1);
    cr_assert_eq(log_service_rank(text_of("app.kubernetes.io/name")), 5);
    cr_assert_eq(log_service_rank(text_of("k8s.container.name")), 8);
    cr_assert_eq(log_service_rank(text_of("service.names")), (unsigned)LOG_SERVICE_NONE);
    cr_assert_eq(log_service_rank(text_of("Service")), (unsigned)LOG_SERVICE_NONE);
    cr_assert_eq(log_service_rank(text_of("")), (unsigned)LOG_SERVICE_NONE);
}
