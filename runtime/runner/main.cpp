// cdfi_runner: times one graph on this device. README.md has the contract.
#include <cstdio>
#include <new>

#include "failure.h"
#include "files.h"
#include "phases.h"
#include "stop.h"

namespace runner {
namespace {

Exit failed(Result &result, Exit code, const std::string &message) {
  result.stopped = "error";
  result.error = message;
  std::fprintf(stderr, "cdfi_runner: %s\n", message.c_str());
  return code;
}

Exit measure(int count, char **arguments, Options &options, Result &result) {
  try {
    parse(count, arguments, options);
    if (options.help) return kDone;
    result.machine = machine();
    result.emulator = emulator();  // forks, so before there are threads
    pin(options.affinity);
    result.affinity = allowed_cpus();
    run_phases(options, result);
    result.complete = true;
    return kDone;
  } catch (const Stopped &stopped) {
    result.stopped = stopped.abandoned ? "abandoned" : "terminated";
    std::fprintf(stderr, "cdfi_runner: stopped: %s\n", result.stopped.c_str());
    return stopped.abandoned ? kAbandoned : kTerminated;
  } catch (const Failure &failure) {
    return failed(result, failure.code, failure.what());
  } catch (const std::bad_alloc &) {
    return failed(result, kRefused, "no memory left");
  } catch (const std::exception &error) {  // of the runtime's own code
    return failed(result, kRefused, error.what());
  }
}

}  // namespace
}  // namespace runner

int main(int count, char **arguments) {
  using namespace runner;
  Options options;
  Result result;
  const Exit code = measure(count, arguments, options, result);
  if (options.help) {
    std::fputs(kUsageText, stdout);
    return kDone;
  }
  if (options.result.empty()) return code;
  try {
    const std::string text = result.json(options);
    write_whole(options.result, text.data(), text.size());
  } catch (const Failure &failure) {
    std::fprintf(stderr, "cdfi_runner: %s\n", failure.what());
    return code == kDone ? kUsage : code;
  }
  return code;
}
