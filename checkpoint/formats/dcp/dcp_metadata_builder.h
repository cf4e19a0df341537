#ifndef HOIST_CHECKPOINT_FORMATS_DCP_DCP_METADATA_BUILDER_H_
#define HOIST_CHECKPOINT_FORMATS_DCP_DCP_METADATA_BUILDER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hoist/checkpoint/pickle/pickle_builder.h"

// Pieces of `.metadata` files for tests, as torch.distributed.checkpoint
// pickles them, but for the protocol.
namespace hoist::dcp_builder {

namespace pb = pickle_builder;

inline std::string Class(const std::string& name) {
  return pb::Class("torch.distributed.checkpoint.metadata", name);
}

inline std::string Size(const std::vector<int32_t>& sizes) {
  return pb::Call(pb::Class("torch", "Size"), {pb::Ints(sizes)});
}

inline std::string Chunk(const std::vector<int32_t>& offsets,
                         const std::vector<int32_t>& sizes) {
  return pb::Object(Class("ChunkStorageMetadata"),
                    pb::Dict({pb::Text("offsets"), Size(offsets),
                              pb::Text("sizes"), Size(sizes)}));
}

inline std::string Properties(const std::string& dtype) {
  return pb::Object(Class("TensorProperties"),
                    pb::Tuple({pb::Class("torch", dtype), "N", pb::Bool(false),
                               "N", pb::Bool(false)}));
}

inline std::string Tensor(const std::string& dtype,
                          const std::vector<int32_t>& shape,
                          const std::vector<std::string>& chunks) {
  return pb::Object(
      Class("TensorStorageMetadata"),
      pb::Dict({pb::Text("properties"), Properties(dtype), pb::Text("size"),
                Size(shape), pb::Text("chunks"), pb::List(chunks)}));
}

inline std::string Bytes() { return Class("BytesStorageMetadata") + ")\x81"; }

inline std::string Index(const std::string& name) {
  return pb::Object(Class("MetadataIndex"),
                    pb::Dict({pb::Text("fqn"), pb::Text(name)}));
}

inline std::string Index(const std::string& name,
                         const std::vector<int32_t>& offsets) {
  return pb::Object(Class("MetadataIndex"),
                    pb::Dict({pb::Text("fqn"), pb::Text(name),
                              pb::Text("offset"), Size(offsets)}));
}

inline std::string Place(const std::string& file, int32_t offset,
                         int32_t length,
                         const std::vector<std::string>& transforms = {}) {
  std::vector<std::string> state = {pb::Text("relative_path"), pb::Text(file),
                                    pb::Text("offset"),        pb::Int(offset),
                                    pb::Text("length"),        pb::Int(length)};
  if (!transforms.empty()) {
    std::vector<std::string> texts;
    for (const std::string& transform : transforms) {
      texts.push_back(pb::Text(transform));
    }
    state.push_back(pb::Text("transform_descriptors"));
    state.push_back(pb::List(texts));
  }
  return pb::Object(
      pb::Class("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
      pb::Dict(state));
}

// Keys and values in turn.
inline std::string Metadata(const std::vector<std::string>& items,
                            const std::vector<std::string>& places,
                            const std::vector<std::string>& paths = {}) {
  return pb::Pickle(
      pb::Object(Class("Metadata"),
                 pb::Dict({pb::Text("state_dict_metadata"), pb::Dict(items),
                           pb::Text("planner_data"), pb::Dict(paths),
                           pb::Text("storage_data"), pb::Dict(places),
                           pb::Text("version"), pb::Text("1.0.0")})));
}

}  // namespace hoist::dcp_builder

#endif  // HOIST_CHECKPOINT_FORMATS_DCP_DCP_METADATA_BUILDER_H_
