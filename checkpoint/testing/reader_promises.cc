#include "hoist/checkpoint/testing/reader_promises.h"

#include <cstdio>

#include "hoist/checkpoint/testing/catalog_text.h"
#include "hoist/core/base/check.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/annotate.h"

namespace hoist {

void CheckBytesError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kPermissionDenied:
      HOIST_CHECK(!status.message().empty());
      // Bytes of the file may be quoted, and their number is bounded.
      HOIST_CHECK(status.message().size() < size_t{64} << 10);
      HOIST_CHECK(HintOf(status).size() < size_t{64} << 10);
      return;
    default:
      std::fprintf(stderr, "%s\n", status.ToString().c_str());
      HOIST_CHECK(!"an error that no bytes may cause");
  }
}

void CheckCatalog(const Catalog& catalog) {
  const absl::Status valid = ValidateCatalog(catalog);
  if (!valid.ok()) {
    std::fprintf(stderr, "%s\n", valid.ToString().c_str());
  }
  HOIST_CHECK(valid.ok());
  HOIST_CHECK(!CatalogText(catalog).empty());
}

void CheckReader(absl::StatusOr<Catalog> (*read)(const RandomAccessFile& file),
                 Format format, absl::Span<const uint8_t> bytes) {
  const MemoryFile file("fuzz.pt", {bytes.begin(), bytes.end()});
  const absl::StatusOr<Catalog> first = read(file);
  const absl::StatusOr<Catalog> second = read(file);
  CheckBytesError(first.status());
  HOIST_CHECK(first.status() == second.status());
  if (!first.ok()) {
    return;
  }
  HOIST_CHECK(first->format == format);
  CheckCatalog(*first);
  HOIST_CHECK(CatalogText(*first) == CatalogText(*second));
}

}  // namespace hoist
