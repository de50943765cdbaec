/* A whole HTTP connection over any bytes, HTTP/2 or what sniffing makes of them:
 * no crash, and in the end no connection, exchange or charged byte is left. */
#include "pair_rig.h"

static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct pair *pair;
    struct writer in = {0};
    if (!pair)
        pair = pair_open(NULL);
    if (len < 1)
        return 0;
    if (data[0] & 1)
        writer_put(&in, preface, sizeof preface - 1);
    writer_put(&in, data + 1, len - 1);
    pair_run(pair, LISTENER_HTTP, writer_bytes(&in), data[0] & 2 ? 16 + data[0] : 100000);
    writer_release(&in);
    return 0;
}
