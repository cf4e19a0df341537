#ifndef HOIST_CHECKPOINT_TESTING_READER_PROMISES_H_
#define HOIST_CHECKPOINT_TESTING_READER_PROMISES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// What readers promise whatever the bytes are, for fuzz targets: the program
// ends where it does not hold. Thread-safe.

// An error is one that bytes can cause: it says what it is about, and is no
// mistake of the program's. Ok is.
void CheckBytesError(const absl::Status& status);

// `catalog` passes ValidateCatalog(), and every index in it is in range.
void CheckCatalog(const Catalog& catalog);

// `read` gives a good catalog of `format` or a good error for `bytes`, and the
// same each time.
void CheckReader(absl::StatusOr<Catalog> (*read)(const RandomAccessFile& file),
                 Format format, absl::Span<const uint8_t> bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_TESTING_READER_PROMISES_H_
