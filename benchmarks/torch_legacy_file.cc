#include "hoist/benchmarks/torch_legacy_file.h"

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/base/endian.h"

namespace hoist {

using namespace pickle_builder;  // NOLINT: made for this

std::string TorchLegacyHead(const std::string& state, int storages) {
  const std::string magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  const std::string system =
      Dict({Text("protocol_version"), Int(1001), Text("little_endian"),
            Bool(true), Text("type_sizes"),
            Dict({Text("short"), Int(2), Text("int"), Int(4), Text("long"),
                  Int(4)})});
  std::vector<std::string> keys;
  for (int i = 0; i < storages; ++i) {
    keys.push_back(Text(absl::StrCat(i)));
  }
  return absl::StrCat(Pickle(magic), Pickle(Int(1001)), Pickle(system), state,
                      Pickle(List(keys)));
}

std::string TorchLegacyStorage(const std::string& data) {
  std::string elements(sizeof(int64_t), '\0');
  StoreLittleEndian(static_cast<int64_t>(data.size() / sizeof(float)),
                    elements.data());
  return elements + data;
}

}  // namespace hoist
