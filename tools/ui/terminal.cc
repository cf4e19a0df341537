#include "hoist/tools/ui/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/string_view.h"

namespace hoist {
namespace {

absl::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Terminal DetectTerminal(int fd) {
  Terminal terminal;
  terminal.is_terminal = isatty(fd) == 1;
  if (!terminal.is_terminal) {
    return terminal;
  }
  terminal.has_color =
      Environment("NO_COLOR").empty() && Environment("TERM") != "dumb";
  constexpr int kUsualWidth = 80;
  struct winsize size = {};
  const bool is_known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  terminal.width = is_known ? size.ws_col : kUsualWidth;
  return terminal;
}

}  // namespace hoist
