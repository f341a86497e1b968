#include "providers.h"

#include <algorithm>
#include <cstdlib>

#include "failure.h"

namespace runner {
namespace {

// What ONNX Runtime calls them when it is asked for one.
const std::map<std::string, const char *> kGenericNames = {
    {"xnnpack", "XNNPACK"},
    {"qnn", "QNN"},
    {"coreml", "CoreML"},
};

constexpr const char *kXnnpackThreads = "intra_op_num_threads";

// NNAPI alone has an exported function of its own; its options are bits of one number.
void append_nnapi(const Library &library, ort::SessionOptions *session, const Options &options) {
  uint32_t flags = 0;
  for (const auto &[key, value] : options.provider_options) {
    char *end = nullptr;
    flags = uint32_t(std::strtoul(value.c_str(), &end, 0));
    if (key != "flags" || *end)
      throw Failure(kUsage, "nnapi takes --provider-option flags=NUMBER, got " + key + "=" + value);
  }
  using Append = ort::Status *(*)(ort::SessionOptions *, uint32_t);
  const auto append =
      reinterpret_cast<Append>(library.symbol("OrtSessionOptionsAppendExecutionProvider_Nnapi"));
  if (!append) throw Failure(kRefused, "the library exports no entry for nnapi");
  library.check(append(session, flags), "asking for nnapi");
}

std::string join(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

void append_provider(const Library &library, ort::SessionOptions *session, const Options &options) {
  const std::vector<std::string> available = library.providers();
  const bool there =
      std::find(available.begin(), available.end(), options.provider) != available.end();
  if (!there)
    throw Failure(kRefused, "ONNX Runtime " + library.version() + " has no provider '" +
                                options.provider + "', only " + join(available));
  if (options.provider == "cpu") {  // always there, takes what is left
    if (!options.provider_options.empty())
      throw Failure(kUsage, "the provider cpu takes no --provider-option");
    return;
  }
  if (options.provider == "nnapi") return append_nnapi(library, session, options);
  const auto name = kGenericNames.find(options.provider);
  if (name == kGenericNames.end())
    throw Failure(kRefused, "this runner cannot ask for the provider '" + options.provider + "'");
  auto provider_options = options.provider_options;
  // Its threads are its own, and one if nobody says how many.
  const auto is_threads = [](const auto &option) { return option.first == kXnnpackThreads; };
  if (options.provider == "xnnpack" && options.threads > 0 &&
      std::none_of(provider_options.begin(), provider_options.end(), is_threads))
    provider_options.emplace_back(kXnnpackThreads, std::to_string(options.threads));
  std::vector<const char *> keys, values;
  for (const auto &[key, value] : provider_options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  library.check(ort::SessionOptionsAppendExecutionProvider::call(
                    library.api(), session, name->second, keys.data(), values.data(), keys.size()),
                "asking for " + options.provider);
}

Assignment assignment(const Library &library, const ort::Session *session) {
  if (library.api_version() < ort::kAssignmentApiVersion)
    return {{}, "ONNX Runtime tells since 1.24, this is " + library.version()};
  const ort::AssignedSubgraph *const *parts = nullptr;
  size_t count = 0;
  const std::string error = library.message(
      ort::Session_GetEpGraphAssignmentInfo::call(library.api(), session, &parts, &count));
  if (!error.empty()) return {{}, error};
  std::map<std::string, size_t> nodes;
  for (size_t index = 0; index < count; ++index) {
    const char *name = nullptr;
    const ort::AssignedNode *const *assigned = nullptr;
    size_t number = 0;
    const ort::Api *api = library.api();
    library.check(ort::EpAssignedSubgraph_GetEpName::call(api, parts[index], &name), "assignment");
    library.check(ort::EpAssignedSubgraph_GetNodes::call(api, parts[index], &assigned, &number),
                  "assignment");
    nodes[short_provider(name)] += number;
  }
  return {nodes, ""};
}

}  // namespace runner
