/* replay.h - the journal back into one signal's head. */
#ifndef TSDB_STORE_REPLAY_H
#define TSDB_STORE_REPLAY_H

#include "tsdb/store/store.h"

struct replayed {
    uint64_t batches, damaged;
    int64_t ns;
};

/* Takes what the record holds.  TSDB_ECORRUPT: it does not decode. */
typedef enum tsdb_status replay_restore_fn(void *arg, uint64_t position, struct bytes payload);
/* Every record of the type past the manifest's floor, in order.  One that does not decode although
 * its checksum was right is skipped and counted: it must not keep the rest from coming back.
 * What was acknowledged comes back even when it is more than a limit that was lowered: appends
 * are refused then until sealing has made room. */
TSDB_NODISCARD enum tsdb_status store_replay(struct store *s, uint8_t type, replay_restore_fn *fn,
                                             void *arg, struct replayed *out,
                                             struct tsdb_error *err);

#endif
