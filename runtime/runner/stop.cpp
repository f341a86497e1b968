#include "stop.h"

#include <sys/stat.h>

#include <csignal>
#include <cstring>

#include "samples.h"

namespace runner {
namespace {

volatile std::sig_atomic_t caught = 0;

}  // namespace

Stop::Stop(const std::string &file, double seconds)
    : file_(file),
      patience_ns_(int64_t(seconds * 1e9)),
      last_touch_(touched()),
      seen_ns_(now_ns()) {
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = [](int) { caught = 1; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaction(signal, &action, nullptr);
}

int64_t Stop::touched() const {
  struct stat facts;
  if (file_.empty() || stat(file_.c_str(), &facts)) return -1;
  return int64_t(facts.st_mtim.tv_sec) * 1000000000 + facts.st_mtim.tv_nsec;
}

// A change of the file's time counts, and when it was seen by the monotonic clock: a phone may set
// its other clock at any moment.
void Stop::check() {
  if (caught) throw Stopped{false};
  if (file_.empty()) return;
  const int64_t touch = touched(), now = now_ns();
  if (touch != last_touch_) {
    last_touch_ = touch;
    seen_ns_ = now;
  } else if (now - seen_ns_ > patience_ns_) {
    throw Stopped{true};
  }
}

}  // namespace runner
