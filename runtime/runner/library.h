// ONNX Runtime, opened at run time: its table of entries, and errors as exceptions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ort_session_abi.h"

namespace runner {

class Library {
 public:
  // Throws Failure: kUsage if there is no such file, kRefused if it is no ONNX Runtime that serves.
  explicit Library(const std::string &path);

  const ort::Api *api() const { return api_; }
  const std::string &version() const { return version_; }    // e.g. "1.31.1"
  uint32_t api_version() const { return api_version_; }      // of the table
  void *symbol(const char *name) const;                      // null if it is not exported
  std::vector<std::string> providers() const;                // short names, e.g. "cpu"

  // Throws Failure (kRefused) if `status` is an error.
  void check(ort::Status *status, const std::string &doing) const;
  // The message of an error, or empty; for what may fail.
  std::string message(ort::Status *status) const;

 private:
  void *handle_;
  const ort::Api *api_ = nullptr;
  std::string version_;
  uint32_t api_version_ = 0;
};

// Releases an object of ONNX Runtime by its entry.
template <class Release>
struct Releaser {
  const ort::Api *api;
  template <class Object>
  void operator()(Object *object) const {
    Release::call(api, object);
  }
};
template <class Object, class Release>
using Owned = std::unique_ptr<Object, Releaser<Release>>;

// "XnnpackExecutionProvider" -> "xnnpack"
std::string short_provider(std::string name);

}  // namespace runner
