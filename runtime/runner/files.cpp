#include "files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "failure.h"

namespace runner {
namespace {

[[noreturn]] void fail(const std::string &what, const std::string &path, int error) {
  throw Failure(kUsage, what + " " + path + ": " + std::strerror(error));
}

}  // namespace

void require_file(const std::string &path, const std::string &what) {
  struct stat facts;
  if (stat(path.c_str(), &facts)) fail(what + " cannot be read:", path, errno);
  if (!S_ISREG(facts.st_mode)) throw Failure(kUsage, what + " is not a file: " + path);
  if (access(path.c_str(), R_OK)) fail(what + " cannot be read:", path, errno);
  if (facts.st_size == 0) throw Failure(kUsage, what + " is empty: " + path);
}

void read_floats(const std::string &path, size_t count, std::vector<float> &values) {
  struct stat facts;
  FILE *file = std::fopen(path.c_str(), "rb");
  if (!file) fail("cannot open", path, errno);
  if (fstat(fileno(file), &facts) || !S_ISREG(facts.st_mode)) {
    std::fclose(file);
    throw Failure(kUsage, path + " is not a file");
  }
  // Compared before there is memory for it: a mistaken shape may ask for more than there is.
  const size_t bytes = size_t(facts.st_size);
  if (bytes / sizeof(float) != count || bytes % sizeof(float)) {
    std::fclose(file);
    throw Failure(kUsage, path + " is expected to hold " + std::to_string(count) +
                              " float32, got " + std::to_string(bytes) + " bytes");
  }
  values.resize(count);
  const size_t read = std::fread(values.data(), 1, bytes, file);
  const int error = std::ferror(file) ? errno : 0;
  std::fclose(file);
  if (error) fail("cannot read", path, error);
  if (read != bytes) throw Failure(kUsage, path + " became shorter while it was read");
}

void write_whole(const std::string &path, const void *data, size_t bytes) {
  const std::string temporary = path + ".part";
  FILE *file = std::fopen(temporary.c_str(), "wb");
  if (!file) fail("cannot write", path, errno);
  int error = 0;
  if (std::fwrite(data, 1, bytes, file) != bytes) error = errno;
  // Room may run out as late as here, when buffers leave for the disk.
  if (std::fflush(file) && !error) error = errno;
  if (fsync(fileno(file)) && !error && errno != EINVAL) error = errno;
  if (std::fclose(file) && !error) error = errno;
  if (!error && std::rename(temporary.c_str(), path.c_str())) error = errno;
  if (error) {
    std::remove(temporary.c_str());
    fail("cannot write", path, error);
  }
}

}  // namespace runner
