// Files read and written whole: nothing partial ever lies under a final name.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace runner {

// Throws Failure (kUsage) unless `path` is a file that can be read; `what` names it.
void require_file(const std::string &path, const std::string &what);

// Reads just `count` little-endian float32 into `values`; throws Failure (kUsage) for any other
// length.
void read_floats(const std::string &path, size_t count, std::vector<float> &values);

// Writes to a temporary name in the same folder and renames. Throws Failure (kUsage) if the disk is
// full or the folder cannot be written to; then nothing is left.
void write_whole(const std::string &path, const void *data, size_t bytes);

}  // namespace runner
