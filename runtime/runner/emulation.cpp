// Whether this process is emulated, so that its times mean nothing.
//
// qemu-user answers /proc/self and /proc/<own pid> itself, as if there were no emulator. Another
// process of ours is what the kernel says it is.
#include <elf.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "device.h"

namespace runner {
namespace {

bool read_header(const std::string &program, Elf64_Ehdr &header) {
  const int file = open(program.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool read_all = read(file, &header, sizeof header) == ssize_t(sizeof header);
  close(file);
  return read_all && !std::memcmp(header.e_ident, ELFMAG, SELFMAG);
}

#if defined(__aarch64__)
constexpr int kOwnMachine = EM_AARCH64;
#elif defined(__x86_64__)
constexpr int kOwnMachine = EM_X86_64;
#else
constexpr int kOwnMachine = EM_NONE;  // not told apart by the program's file
#endif

std::optional<std::string> emulator_of(pid_t process) {
  const std::string link = "/proc/" + std::to_string(process) + "/exe";
  char target[4096];
  const ssize_t length = readlink(link.c_str(), target, sizeof target);
  if (length <= 0) return {};
  const std::string path(target, size_t(length));
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name.find("qemu") != std::string::npos) return name;
  Elf64_Ehdr header;
  if (!read_header(link, header)) return {};
  const bool foreign = kOwnMachine != EM_NONE && header.e_machine != kOwnMachine;
  return foreign ? name : "";
}

}  // namespace

std::optional<std::string> emulator() {
  const pid_t child = fork();
  if (child < 0) return {};
  if (child == 0) {
    alarm(10);  // should the parent die meanwhile
    for (;;) pause();
  }
  const std::optional<std::string> found = emulator_of(child);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return found;
}

}  // namespace runner
