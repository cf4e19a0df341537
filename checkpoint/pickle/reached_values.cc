#include "hoist/checkpoint/pickle/reached_values.h"

namespace hoist {

std::vector<uint32_t> ReachedValues(const ValueGraph& graph, ValueId root) {
  std::vector<uint32_t> references(graph.size(), 0);
  std::vector<ValueId> pending;
  const auto refer = [&references, &pending](ValueId id) {
    if (references[id]++ == 0) {
      pending.push_back(id);
    }
  };
  refer(root);
  while (!pending.empty()) {
    const ValueGraph::Node& node = graph.node(pending.back());
    pending.pop_back();
    refer(node.type);
    refer(node.state);
    if (const auto* items = std::get_if<ValueGraph::Items>(&node.data)) {
      for (const ValueId item : *items) {
        refer(item);
      }
    }
  }
  return references;
}

}  // namespace hoist
