#include "phases.h"

#include "failure.h"
#include "files.h"
#include "inputs.h"
#include "picture.h"
#include "samples.h"
#include "session.h"
#include "stop.h"

namespace runner {
namespace {

constexpr int64_t kSecond = 1000000000;

// Frequencies and temperatures, about once a second, between runs.
class Watch {
 public:
  Watch(const std::string &sysfs, Samples &samples, Result &result)
      : frequencies_(Sensors::frequencies(sysfs)),
        temperatures_(Sensors::temperatures(sysfs)),
        samples_(samples),
        result_(result) {
    if (frequencies_.there()) result.frequency.emplace();
    if (temperatures_.there()) result.thermal.emplace();
    read();
  }
  void look() {
    if (now_ns() - last_ns_ >= kSecond) read();
  }
  void read() {
    take("frequency", frequencies_, result_.frequency);
    take("thermal", temperatures_, result_.thermal);
    last_ns_ = now_ns();
  }

 private:
  void take(const char *kind, const Sensors &sensors, std::optional<Readings> &into) {
    if (!into) return;
    const Reading reading = sensors.read();
    std::string values;
    for (const auto &[name, number] : reading)
      values += (values.empty() ? "" : " ") + name + ":" + std::to_string(number);
    if (!reading.empty()) into->emplace_back(samples_.reading(kind, values), reading);
  }

  const Sensors frequencies_, temperatures_;
  Samples &samples_;
  Result &result_;
  int64_t last_ns_ = 0;
};

class Phases {
 public:
  Phases(const Options &options, Result &result)
      : options_(options),
        result_(result),
        stop_(options.alive, options.alive_seconds),
        library_(options.library),
        samples_(options.samples),
        watch_(options.sysfs, samples_, result) {
    result.version = library_.version();
    result.providers = library_.providers();
  }

  void run() {
    result_.before_load_bytes = peak_bytes();
    std::optional<Session> loaded;
    result_.load_ns = timed("load", [&] { loaded.emplace(Session::of_model(library_, options_)); });
    Session &session = *loaded;
    result_.assigned = assignment(library_, session.handle());
    feed_files(session, options_);
    stop_.check();

    const auto once = [&] { session.run(); };
    result_.first_run_ns = timed("first", once);
    result_.output_shape = session.output_shape();
    Picture picture;
    if (options_.end_to_end) picture = picture_of(session.output_shape());
    try {
      for (int run = 0; run < options_.warm_up; ++run, ++result_.warm_up) between("warm_up", once);
      result_.peak_bytes = peak_bytes();
      burst(once);
    } catch (const Stopped &) {
      write_output(session);
      throw;
    }
    write_output(session);
    end_to_end(session, picture);
    const int64_t end = now_ns() + int64_t(options_.sustained_seconds * kSecond);
    while (now_ns() < end) result_.sustained.push_back(between("sustained", once));
    watch_.read();
  }

 private:
  template <class Body>
  int64_t timed(const char *phase, const Body &body) {
    const int64_t start = now_ns();
    body();
    const int64_t end = now_ns();
    samples_.run(phase, end, end - start);
    return end - start;
  }

  // One run with all that is due before it.
  template <class Body>
  int64_t between(const char *phase, const Body &body) {
    stop_.check();
    watch_.look();
    return timed(phase, body);
  }

  template <class Body>
  void burst(const Body &once) {
    std::optional<Session> reference;
    if (!options_.reference.empty()) {  // only now: the peak of memory was the model's alone
      reference.emplace(Session::of_reference(library_, options_));
      feed_noise(*reference);
    }
    for (int run = 0; run < options_.runs; ++run) {
      stop_.check();
      watch_.look();
      if (reference) {
        // Not kept: brings its data back into the caches that the model took over.
        reference->run();
        result_.reference.push_back(timed("reference", [&] { reference->run(); }));
      }
      result_.burst.push_back(timed("burst", once));
    }
  }

  void end_to_end(Session &session, Picture &picture) {
    for (int run = 0; run < options_.end_to_end; ++run)
      result_.end_to_end.push_back(between("end_to_end", [&] {
        read_again(session, options_);
        session.run();
        fill(picture, session.output_shape(), session.output());
      }));
    if (options_.picture.empty()) return;
    const std::string file = as_ppm(picture);
    write_whole(options_.picture, file.data(), file.size());
  }

  void write_output(const Session &session) const {
    write_whole(options_.output, session.output(), session.output_count() * sizeof(float));
  }

  const Options &options_;
  Result &result_;
  Stop stop_;
  Library library_;
  Samples samples_;
  Watch watch_;
};

}  // namespace

void run_phases(const Options &options, Result &result) {
  require_file(options.model, "the model");
  for (const auto &[name, file] : options.inputs) require_file(file, "the input " + name);
  if (!options.reference.empty()) require_file(options.reference, "the reference");
  if (!options.operators.empty()) require_file(options.operators, "the operators' library");
  Phases(options, result).run();
}

}  // namespace runner
