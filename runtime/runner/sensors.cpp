// Frequencies and temperatures from sysfs.
#include <dirent.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>

#include "device.h"

namespace runner {
namespace {

// N of each entry `prefix`N in a folder.
std::vector<int> numbered(const std::string &folder, const std::string &prefix) {
  std::vector<int> numbers;
  DIR *open = opendir(folder.c_str());
  if (!open) return numbers;
  while (const dirent *entry = readdir(open)) {
    const std::string name = entry->d_name;
    const std::string rest = name.substr(std::min(prefix.size(), name.size()));
    if (name.rfind(prefix, 0) == 0 && !rest.empty() && rest.size() < 6 &&
        std::all_of(rest.begin(), rest.end(), [](unsigned char c) { return std::isdigit(c); }))
      numbers.push_back(std::stoi(rest));
  }
  closedir(open);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

bool read_number(const std::string &file, int64_t &value) {
  std::ifstream stream(file);
  return bool(stream >> value);
}

// A zone's type in one word without the separators of the samples file.
std::string zone_name(const std::string &folder, int number) {
  std::ifstream stream(folder + "/type");
  std::string name;
  std::getline(stream, name);
  for (char &letter : name)
    if (!std::isalnum(static_cast<unsigned char>(letter)) && !std::strchr("_.-", letter))
      letter = '_';
  return name.empty() ? "zone" + std::to_string(number) : name;
}

}  // namespace

void Sensors::add(const std::string &name, const std::string &file) {
  int64_t value = 0;
  if (read_number(file, value)) files_[name] = file;
}

Sensors Sensors::frequencies(const std::string &sysfs) {
  Sensors sensors;
  const std::string folder = sysfs + "/devices/system/cpu";
  for (const int cpu : numbered(folder, "cpu"))
    sensors.add(std::to_string(cpu),
                folder + "/cpu" + std::to_string(cpu) + "/cpufreq/scaling_cur_freq");
  return sensors;
}

Sensors Sensors::temperatures(const std::string &sysfs) {
  Sensors sensors;
  const std::string folder = sysfs + "/class/thermal";
  for (const int zone : numbered(folder, "thermal_zone")) {
    const std::string place = folder + "/thermal_zone" + std::to_string(zone);
    std::string name = zone_name(place, zone);
    if (sensors.files_.count(name)) name += "." + std::to_string(zone);  // phones repeat names
    sensors.add(name, place + "/temp");
  }
  return sensors;
}

Reading Sensors::read() const {
  Reading reading;
  int64_t value = 0;
  for (const auto &[name, file] : files_)
    if (read_number(file, value)) reading[name] = value;
  return reading;
}

}  // namespace runner
