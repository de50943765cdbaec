/* manifest_edit.h - the payload of a manifest's records; layout in manifest.h.
 *
 * The whole state is written as the edit that makes it from nothing, so there
 * is one decoder.  Decoding checks an edit as applying one does: bytes that pass
 * a checksum but do not fit the state are damage too.  Encoding is canonical
 * but for the order of items.
 */
#ifndef TSDB_STORE_MANIFEST_EDIT_H
#define TSDB_STORE_MANIFEST_EDIT_H

#include "tsdb/base/writer.h"
#include "tsdb/store/manifest_state.h"

/* With next id and floor as they are in `s` once the edit is applied. */
void manifest_edit_encode(const struct manifest_edit *edit, const struct manifest_state *s,
                          struct writer *out);
void manifest_state_encode(const struct manifest_state *s, struct writer *out);
/* Applies the edit to the state; TSDB_ECORRUPT: the state is as it was. */
TSDB_NODISCARD enum tsdb_status manifest_edit_decode(struct bytes payload,
                                                     struct manifest_state *s);

#endif
