#ifndef HOIST_CHECKPOINT_FORMATS_PICKLE_PICKLE_READER_H_
#define HOIST_CHECKPOINT_FORMATS_PICKLE_PICKLE_READER_H_

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reads what pickle.dump() wrote, without torch.save: Python's values, arrays
// of numpy's (Detectron's .pkl files), and tensors with their storages as bytes
// (spec: pytorch-formats.md 3.6 to 3.8). All of it is in the pickle, so all of
// it is read, and held until the Catalog goes; blocks. What follows the pickle
// is left alone, with a warning; the names that up to 1000 more pickles would
// import are among the classes of the Catalog's values.
//
// kUnimplemented, with what it is, for pickles of other libraries' own readers
// (joblib, scikit-learn), and for those whose tensors are elsewhere (the
// data.pkl of an archive, the metadata of a distributed checkpoint); kDataLoss
// for a damaged file; kResourceExhausted for one beyond 1 GiB or PickleLimits.
// Thread-safe.
absl::StatusOr<Catalog> ReadBarePickle(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_PICKLE_PICKLE_READER_H_
