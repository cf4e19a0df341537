#ifndef HOIST_TOOLS_UI_TERMINAL_H_
#define HOIST_TOOLS_UI_TERMINAL_H_

namespace hoist {

// What is known of where output goes.
struct Terminal {
  bool is_terminal = false;  // a person looks at it now
  bool has_color = false;    // may be sent colours
  int width = 0;             // in columns; 0 if there is no limit
};

// Of the file descriptor `fd`. No colour with NO_COLOR or TERM=dumb.
// Reads the environment.
Terminal DetectTerminal(int fd);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_TERMINAL_H_
