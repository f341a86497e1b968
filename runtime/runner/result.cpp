#include "result.h"

#include "json.h"

namespace runner {

using json::text;
using json::text_or_null;
using json::value;

std::string Result::json(const Options &options) const {
  const std::vector<std::pair<const char *, std::string>> fields = {
      {"runner", "1"},
      {"complete", value(complete)},
      {"stopped", text_or_null(stopped)},
      {"error", text_or_null(error)},
      {"runtime", text("onnxruntime")},
      {"version", text_or_null(version)},
      {"provider_requested", text(options.provider)},
      {"providers_available", value(providers)},
      {"provider_nodes", value(assigned.nodes)},
      {"provider_nodes_reason", text_or_null(assigned.reason)},
      {"threads", value(options.threads)},
      {"affinity", value(affinity)},
      {"machine", text_or_null(machine)},
      {"emulated", emulator ? text_or_null(*emulator) : "null"},
      {"emulation_known", value(emulator.has_value())},
      {"load_ns", value(load_ns)},
      {"first_run_ns", value(first_run_ns)},
      {"warm_up", value(warm_up)},
      {"burst_ns", value(burst)},
      {"reference_ns", value(reference)},
      {"end_to_end_ns", value(end_to_end)},
      {"sustained_ns", value(sustained)},
      {"vm_hwm_before_load_bytes", value(before_load_bytes)},
      {"vm_hwm_bytes", value(peak_bytes)},
      {"frequency", value(frequency)},
      {"thermal", value(thermal)},
      {"output_shape", output_shape.empty() ? "null" : value(output_shape)},
  };
  std::string out;
  for (const auto &[name, field] : fields)
    out += std::string(out.empty() ? "{\n" : ",\n") + "  " + text(name) + ": " + field;
  return out + "\n}\n";
}

}  // namespace runner
