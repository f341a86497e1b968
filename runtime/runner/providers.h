// Execution providers: asking for one, and what each of them took.
#pragma once

#include <map>
#include <optional>

#include "library.h"
#include "options.h"

namespace runner {

// Throws Failure (kRefused) if this library has no such provider, naming those that it has.
void append_provider(const Library &library, ort::SessionOptions *session, const Options &options);

struct Assignment {
  std::optional<std::map<std::string, size_t>> nodes;  // provider -> nodes of the graph
  std::string reason;                                  // why there are none
};

Assignment assignment(const Library &library, const ort::Session *session);

}  // namespace runner
