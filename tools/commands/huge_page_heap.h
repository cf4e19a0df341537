#ifndef HOIST_TOOLS_COMMANDS_HUGE_PAGE_HEAP_H_
#define HOIST_TOOLS_COMMANDS_HUGE_PAGE_HEAP_H_

#include <cstddef>

namespace hoist {

// Asks for huge pages below the heap's next `size_bytes`, which take no memory
// before they are used: what a program that is about to build a catalog of many
// tensors spends on page faults is a third of its time. Does nothing where the
// system or the allocator will not. Call it once, before threads are started.
void UseHugePagesForHeap(size_t size_bytes);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_HUGE_PAGE_HEAP_H_
