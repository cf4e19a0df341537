#include "hoist/tools/commands/interrupt.h"

#include <atomic>

#include "hoist/core/base/check.h"

namespace hoist {
namespace {

// All that a signal handler can reach.
std::atomic<CancelToken*> interrupted_token = nullptr;
static_assert(std::atomic<CancelToken*>::is_always_lock_free);

extern "C" void HandleInterrupt(int signal_number) {
  CancelToken* const token = interrupted_token.load();
  if (token == nullptr || token->is_cancelled()) {
    // SA_RESETHAND has put the default back for this signal.
    raise(signal_number);
    return;
  }
  token->Cancel(signal_number);
}

}  // namespace

InterruptHandler::InterruptHandler(CancelToken& token) {
  HOIST_CHECK(interrupted_token.exchange(&token) == nullptr);
  struct sigaction action = {};
  action.sa_handler = HandleInterrupt;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal_number : {SIGINT, SIGTERM}) {
    struct sigaction before = {};
    sigaction(signal_number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) {
      sigaction(signal_number, &action, nullptr);
      before_.emplace_back(signal_number, before);
    }
  }
}

InterruptHandler::~InterruptHandler() {
  for (const auto& [signal_number, before] : before_) {
    sigaction(signal_number, &before, nullptr);
  }
  interrupted_token = nullptr;
}

}  // namespace hoist
