// Preloaded into Debian's adbd, which was built for Android and has no property store here:
// it listens on 127.0.0.1:$PHONE_PORT alone, takes no vsock, and reads properties from the
// environment (ro.product.model is $PHONE_ro_product_model).
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace {

// What adbd starts must not load this library.
__attribute__((constructor)) void hide_from_children() { unsetenv("LD_PRELOAD"); }

uint16_t wanted_port() {
  const char* text = std::getenv("PHONE_PORT");
  return htons(static_cast<uint16_t>(text ? std::atoi(text) : 0));
}

}  // namespace

extern "C" int bind(int socket, const sockaddr* address, socklen_t length) {
  using Bind = int (*)(int, const sockaddr*, socklen_t);
  static const auto system_bind = reinterpret_cast<Bind>(dlsym(RTLD_NEXT, "bind"));
  if (address->sa_family == AF_VSOCK) {
    errno = EADDRNOTAVAIL;
    return -1;
  }
  if (address->sa_family == AF_INET6) {
    auto changed = *reinterpret_cast<const sockaddr_in6*>(address);
    const unsigned char loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    std::copy(loopback, loopback + 16, changed.sin6_addr.s6_addr);
    changed.sin6_port = wanted_port();
    return system_bind(socket, reinterpret_cast<sockaddr*>(&changed), sizeof changed);
  }
  if (address->sa_family == AF_INET) {
    auto changed = *reinterpret_cast<const sockaddr_in*>(address);
    changed.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    changed.sin_port = wanted_port();
    return system_bind(socket, reinterpret_cast<sockaddr*>(&changed), sizeof changed);
  }
  return system_bind(socket, address, length);
}

namespace android::base {

std::string GetProperty(const std::string& key, const std::string& otherwise) {
  std::string name = "PHONE_" + key;
  for (char& each : name)
    if (each == '.') each = '_';
  const char* value = std::getenv(name.c_str());
  return value ? value : otherwise;
}

}  // namespace android::base
