#include "collector/decode/sample.h"

bool sample_parse(struct bytes in, struct sample *out)
{
    if (sample_parse_plain(in, out))
        return true;
    struct pull p = pull_over(in);
    struct pull_field f;
    *out = (struct sample){0};
    while (pull_next(&p, &f)) {
        if (f.number == 1)
            out->value = pull_double(&p, &f);
        else if (f.number == 2)
            out->ts_ms = pull_i64(&p, &f);
        else if (f.number == 3 && f.wire == PULL_VARINT) /* unknown to 1.0 */
            out->start_ms = pull_i64(&p, &f);
    }
    return pull_done(&p);
}
