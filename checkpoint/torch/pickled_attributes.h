#ifndef HOIST_CHECKPOINT_TORCH_PICKLED_ATTRIBUTES_H_
#define HOIST_CHECKPOINT_TORCH_PICKLED_ATTRIBUTES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist::libtorch {

// The attributes of a pickled torch.nn layer, asked for by name. What is not
// there, or is something else, gives 0 (empty, nullopt), and makes status() an
// error for good, with the layer's path and the attribute's name: so it is
// asked once, before anything is made of them. Thread-compatible.
class PickledAttributes {
 public:
  // `module` is a pickled module (IsPickledModule()) of `catalog`, which must
  // outlive this; `path` is where it is in the model.
  PickledAttributes(const Catalog& catalog, Value module, std::string path)
      : catalog_(catalog), module_(module), path_(std::move(path)) {}

  // kInvalidArgument.
  const absl::Status& status() const { return status_; }
  const std::string& path() const { return path_; }

  bool Bool(absl::string_view name);
  int64_t Int(absl::string_view name);
  double Number(absl::string_view name);  // of an int too
  std::optional<double> NumberOrNone(absl::string_view name);
  std::optional<int64_t> IntOrNone(absl::string_view name);
  std::string Text(absl::string_view name);
  bool IsText(absl::string_view name) const;
  // As many, where one stands for all.
  std::vector<int64_t> Ints(absl::string_view name, size_t count);
  std::vector<int64_t> Ints(absl::string_view name);
  // The same where each may be None.
  std::vector<std::optional<int64_t>> IntsOrNone(absl::string_view name,
                                                 size_t count);

  // Whether it has a parameter or a buffer of that name.
  bool HasTensor(absl::string_view name) const;
  // An error unless it has one, of that shape and with all of its elements in
  // the file: nothing is made that the file does not fill.
  void ExpectTensor(absl::string_view name, absl::Span<const int64_t> shape);
  // The same, if it has one.
  void MayHaveTensor(absl::string_view name, absl::Span<const int64_t> shape);

 private:
  std::optional<Value> Find(absl::string_view name);
  std::optional<Value> FindTensor(absl::string_view name) const;
  std::optional<int64_t> IntOf(Value value, absl::string_view name);
  void Fail(absl::string_view name, absl::string_view what);

  const Catalog& catalog_;
  const Value module_;
  const std::string path_;
  absl::Status status_;
};

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_PICKLED_ATTRIBUTES_H_
