#ifndef HOIST_TOOLS_COMMANDS_INTERRUPT_H_
#define HOIST_TOOLS_COMMANDS_INTERRUPT_H_

#include <signal.h>

#include <utility>
#include <vector>

#include "hoist/core/thread/cancel_token.h"

namespace hoist {

// While it lives, SIGINT (Ctrl-C) and SIGTERM cancel a token, with the
// signal as its reason, in place of ending the process. A second signal ends it nevertheless, so that what does not look
// at the token can be ended. A signal that the process ignores stays ignored.
// Signals are the process's: only one of these at a time, or the program ends.
class InterruptHandler {
 public:
  // `token` must outlive this object.
  explicit InterruptHandler(CancelToken& token);
  // As it was before.
  ~InterruptHandler();
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;

 private:
  // What was to be done at each signal before.
  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_INTERRUPT_H_
