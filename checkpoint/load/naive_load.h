#ifndef HOIST_CHECKPOINT_LOAD_NAIVE_LOAD_H_
#define HOIST_CHECKPOINT_LOAD_NAIVE_LOAD_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/state_dict.h"

namespace hoist {

// A second way to load, which shares nothing with the first: each storage is
// read whole, decompressed by zlib and put in order byte by byte. Returns the
// elements of each tensor of the catalog, one after the other; nothing for a
// tensor without data. The files are whole.
std::vector<std::string> NaiveLoad(const Catalog& catalog, CatalogFiles files);

// What `bytes_of` returns for a buffer is what it holds.
using BytesOfBuffer = absl::FunctionRef<std::string(const Buffer&)>;

// Makes it a failure of the running test if `tensors` are not those of
// `catalog`, in number, order, name, form, and, byte for byte, `elements`.
void ExpectTensors(const StateDict& tensors, const Catalog& catalog,
                   const std::vector<std::string>& elements,
                   BytesOfBuffer bytes_of);

// The bytes of a buffer on the CPU.
std::string HostBytes(const Buffer& buffer);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_NAIVE_LOAD_H_
