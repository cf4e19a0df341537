#include "hoist/core/io/testing/disk_image.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "hoist/core/base/check.h"

namespace hoist {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPageBytes = 4096;

mode_t PermissionsOf(const fs::path& path) {
  return static_cast<mode_t>(fs::symlink_status(path).permissions());
}

bool Coin(std::mt19937_64& random) { return random() % 2 == 0; }

}  // namespace

DiskImage::DiskImage(std::string root)
    : root_path_(std::move(root)), root_(Scan(root_path_)) {}

DiskImage::NodePtr DiskImage::Scan(const std::string& path) {
  auto node = std::make_shared<Node>();
  node->mode = node->synced_mode = PermissionsOf(path);
  if (fs::is_symlink(path)) {
    node->kind = Node::Kind::kLink;
    node->bytes = fs::read_symlink(path);
  } else if (fs::is_directory(path)) {
    node->kind = Node::Kind::kDirectory;
    for (const auto& entry : fs::directory_iterator(path)) {
      node->entries[entry.path().filename()] = Scan(entry.path());
    }
  } else {
    std::ifstream in(path, std::ios::binary);
    node->bytes.assign(std::istreambuf_iterator<char>(in), {});
    HOIST_CHECK(in.good() || in.eof());
  }
  node->synced_bytes = node->bytes;
  node->synced_entries = node->entries;
  return node;
}

bool DiskImage::Holds(absl::string_view path) const {
  return path == root_path_ ||
         absl::StartsWith(path, absl::StrCat(root_path_, "/"));
}

std::pair<DiskImage::NodePtr, std::string> DiskImage::Find(
    const std::string& path) const {
  HOIST_CHECK(Holds(path));
  std::vector<std::string> names =
      absl::StrSplit(path.substr(root_path_.size()), '/', absl::SkipEmpty());
  HOIST_CHECK(!names.empty());
  NodePtr directory = root_;
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    directory = directory->entries.at(names[i]);
  }
  return {directory, names.back()};
}

DiskImage::NodePtr DiskImage::NodeAt(const std::string& path) const {
  if (path == root_path_) {
    return root_;
  }
  const auto [directory, name] = Find(path);
  return directory->entries.at(name);
}

void DiskImage::Change(DirectoryChange change) {
  for (const EntryChange& entry : change) {
    if (entry.node != nullptr) {
      entry.directory->entries[entry.name] = entry.node;
    } else {
      entry.directory->entries.erase(entry.name);
    }
  }
  unsynced_.push_back(std::move(change));
}

void DiskImage::Open(const std::string& path, int descriptor) {
  open_[descriptor] = NodeAt(path);
}

void DiskImage::CreateFile(const std::string& path, int descriptor,
                           mode_t mode) {
  auto node = std::make_shared<Node>();
  node->mode = node->synced_mode = mode;
  const auto [directory, name] = Find(path);
  Change(DirectoryChange{{directory, name, node}});
  open_[descriptor] = node;
}

void DiskImage::Close(int descriptor) { open_.erase(descriptor); }

void DiskImage::Apply(const FileChange& change, std::string& bytes) {
  if (change.sets_size) {
    bytes.resize(change.offset);
    return;
  }
  bytes.resize(
      std::max<size_t>(bytes.size(), change.offset + change.bytes.size()));
  bytes.replace(change.offset, change.bytes.size(), change.bytes);
}

void DiskImage::Change(int descriptor, FileChange change) {
  Node& node = *open_.at(descriptor);
  Apply(change, node.bytes);
  node.unsynced.push_back(std::move(change));
}

void DiskImage::Write(int descriptor, uint64_t offset,
                      absl::string_view bytes) {
  while (!bytes.empty()) {
    const size_t size =
        std::min<size_t>(bytes.size(), kPageBytes - offset % kPageBytes);
    Change(descriptor,
           {.offset = offset, .bytes = std::string(bytes.substr(0, size))});
    bytes.remove_prefix(size);
    offset += size;
  }
}

void DiskImage::SetSize(int descriptor, uint64_t size_bytes) {
  Change(descriptor, {.sets_size = true, .offset = size_bytes});
}

void DiskImage::Sync(int descriptor) {
  const NodePtr node = open_.at(descriptor);
  node->synced_mode = node->mode;
  node->synced_bytes = node->bytes;
  node->unsynced.clear();
  if (node->kind == Node::Kind::kDirectory) {
    SyncEntriesOf(node);
  }
}

void DiskImage::SyncEntriesOf(const NodePtr& directory) {
  // With a change of several directories, what was before it in all of them.
  std::set<NodePtr> directories = {directory};
  std::vector<bool> is_synced(unsynced_.size());
  for (size_t i = unsynced_.size(); i-- > 0;) {
    is_synced[i] = std::any_of(unsynced_[i].begin(), unsynced_[i].end(),
                               [&](const EntryChange& e) {
                                 return directories.contains(e.directory);
                               });
    if (is_synced[i]) {
      for (const EntryChange& entry : unsynced_[i]) {
        directories.insert(entry.directory);
      }
    }
  }
  std::vector<DirectoryChange> rest;
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    if (is_synced[i]) {
      Keep(unsynced_[i]);
    } else {
      rest.push_back(std::move(unsynced_[i]));
    }
  }
  unsynced_ = std::move(rest);
}

void DiskImage::Keep(const DirectoryChange& change) {
  for (const EntryChange& entry : change) {
    if (entry.node != nullptr) {
      entry.directory->synced_entries[entry.name] = entry.node;
    } else {
      entry.directory->synced_entries.erase(entry.name);
    }
  }
}

void DiskImage::Rename(const std::string& from, const std::string& to) {
  const auto [from_directory, from_name] = Find(from);
  const auto [to_directory, to_name] = Find(to);
  Change(DirectoryChange{{from_directory, from_name, nullptr},
                         {to_directory, to_name, NodeAt(from)}});
}

void DiskImage::Exchange(const std::string& a, const std::string& b) {
  const auto [a_directory, a_name] = Find(a);
  const auto [b_directory, b_name] = Find(b);
  Change(DirectoryChange{{a_directory, a_name, NodeAt(b)},
                         {b_directory, b_name, NodeAt(a)}});
}

void DiskImage::Remove(const std::string& path) {
  const auto [directory, name] = Find(path);
  Change(DirectoryChange{{directory, name, nullptr}});
}

void DiskImage::CreateDirectory(const std::string& path, mode_t mode) {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kDirectory;
  node->mode = node->synced_mode = mode;
  const auto [directory, name] = Find(path);
  Change(DirectoryChange{{directory, name, node}});
}

void DiskImage::SetPermissions(const std::string& path, mode_t mode) {
  NodeAt(path)->mode = mode;
}

uint64_t DiskImage::SizeOf(int descriptor) const {
  return open_.at(descriptor)->bytes.size();
}

uint64_t DiskImage::TotalBytes() const {
  uint64_t total = 0;
  std::vector<const Node*> nodes = {root_.get()};
  while (!nodes.empty()) {
    const Node& node = *nodes.back();
    nodes.pop_back();
    total += node.bytes.size();
    for (const auto& [name, inside] : node.entries) {
      nodes.push_back(inside.get());
    }
  }
  return total;
}

void DiskImage::KeepFiles(Node& node, Unsynced unsynced,
                          std::mt19937_64& random) {
  const bool keeps_all = unsynced == Unsynced::kKept ||
                         (unsynced == Unsynced::kSome && Coin(random));
  const bool keeps_pages = unsynced == Unsynced::kSome && Coin(random);
  if (keeps_all) {
    node.synced_mode = node.mode;
  }
  for (const FileChange& change : node.unsynced) {
    if (keeps_all || (keeps_pages && Coin(random))) {
      Apply(change, node.synced_bytes);
    }
  }
  for (const auto& [name, inside] : node.synced_entries) {
    KeepFiles(*inside, unsynced, random);
  }
}

void DiskImage::Restore(const Node& node, const std::string& path) {
  switch (node.kind) {
    case Node::Kind::kLink:
      fs::create_symlink(node.synced_bytes, path);
      return;  // links have no permissions
    case Node::Kind::kFile: {
      std::ofstream out(path, std::ios::binary);
      out << node.synced_bytes;
      out.close();
      HOIST_CHECK(out.good());
      break;
    }
    case Node::Kind::kDirectory:
      fs::create_directory(path);
      for (const auto& [name, inside] : node.synced_entries) {
        Restore(*inside, absl::StrCat(path, "/", name));
      }
      break;
  }
  HOIST_CHECK(chmod(path.c_str(), node.synced_mode) == 0);
}

void DiskImage::Stop(Unsynced unsynced, uint64_t seed) {
  std::mt19937_64 random(seed);
  size_t kept = unsynced == Unsynced::kDropped ? 0 : unsynced_.size();
  bool any = false;
  if (unsynced == Unsynced::kSome) {
    any = Coin(random);
    kept = any ? kept : random() % (kept + 1);
  }
  for (size_t i = 0; i < kept; ++i) {
    if (!any || Coin(random)) {
      Keep(unsynced_[i]);
    }
  }
  unsynced_.clear();
  open_.clear();
  KeepFiles(*root_, unsynced, random);
  for (const auto& entry : fs::directory_iterator(root_path_)) {
    fs::remove_all(entry.path());
  }
  Restore(*root_, root_path_);
  root_ = Scan(root_path_);
}

}  // namespace hoist
