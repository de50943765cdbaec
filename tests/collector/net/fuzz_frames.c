/* The tcp door over any bytes; some frames are acked at once, some skipped, some
 * refused. */
#include "pair_rig.h"

static bool sink(void *arg, struct frame_conn *conn, struct bytes frame)
{
    (void)arg;
    ASSERT(frame.len > 0);
    if (frame.at[0] == 0xff)
        return false;
    if (frame.at[0] & 1)
        frame_conn_send(conn, frame);
    else
        frame_conn_skip(conn);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct pair *pair;
    if (!pair)
        pair = pair_open(sink);
    if (len < 1)
        return 0;
    pair_run(pair, LISTENER_TCP, (struct bytes){data + 1, len - 1}, (size_t)data[0] + 1);
    return 0;
}
