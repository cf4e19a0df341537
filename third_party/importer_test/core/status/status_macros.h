#ifndef CORE_STATUS_STATUS_MACROS_H_
#define CORE_STATUS_STATUS_MACROS_H_

namespace importer {

// Only the importer's header of this path defines it.
inline constexpr int kOwnHeader = 1;

}  // namespace importer

#endif  // CORE_STATUS_STATUS_MACROS_H_
