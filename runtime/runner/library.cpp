#include "library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "failure.h"
#include "files.h"

namespace runner {
namespace {

std::string one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

// The highest version of the interface that both sides know. A library names its own by the middle
// number of its version, and complains on stderr when it is asked for a later one.
uint32_t highest(const std::string &version) {
  unsigned major = 0, minor = 0;
  std::sscanf(version.c_str(), "%u.%u", &major, &minor);
  return major > 1 ? ort::kAssignmentApiVersion
                   : std::min(ort::kAssignmentApiVersion, uint32_t(minor));
}

}  // namespace

Library::Library(const std::string &path) {
  require_file(path, "the library");
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_) throw Failure(kRefused, "cannot load " + path + ": " + one_line(dlerror()));
  const auto base = reinterpret_cast<const ort::ApiBase *(*)()>(symbol("OrtGetApiBase"));
  if (!base) throw Failure(kRefused, path + " is no ONNX Runtime: it exports no OrtGetApiBase");
  version_ = base()->get_version_string();
  for (api_version_ = highest(version_); api_version_ >= ort::kApiVersion; --api_version_)
    if ((api_ = base()->get_api(api_version_))) return;
  throw Failure(kRefused, path + " is ONNX Runtime " + version_ + ", expected 1." +
                              std::to_string(ort::kApiVersion) + " or newer");
}

void *Library::symbol(const char *name) const { return dlsym(handle_, name); }

std::string Library::message(ort::Status *status) const {
  if (!status) return "";
  const std::string text = one_line(ort::GetErrorMessage::call(api_, status));
  ort::ReleaseStatus::call(api_, status);
  return text.empty() ? "ONNX Runtime gives no reason" : text;
}

void Library::check(ort::Status *status, const std::string &doing) const {
  const std::string text = message(status);
  if (!text.empty()) throw Failure(kRefused, doing + ": " + text);
}

std::vector<std::string> Library::providers() const {
  char **names = nullptr;
  int count = 0;
  check(ort::GetAvailableProviders::call(api_, &names, &count), "asking for providers");
  std::vector<std::string> found;
  for (int index = 0; index < count; ++index) found.push_back(short_provider(names[index]));
  message(ort::ReleaseAvailableProviders::call(api_, names, count));
  return found;
}

std::string short_provider(std::string name) {
  const std::string ending = "ExecutionProvider";
  if (name.size() > ending.size() &&
      name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
    name.resize(name.size() - ending.size());
  for (char &letter : name) letter = char(std::tolower(static_cast<unsigned char>(letter)));
  return name;
}

}  // namespace runner
