#include "json.h"

#include <cstdint>
#include <cstdio>

namespace runner::json {
namespace {

// Bytes of the UTF-8 character that begins at `index`; 0 if none does.
size_t character(const std::string &text, size_t index) {
  const auto byte = [&](size_t at) { return at < text.size() ? uint8_t(text[at]) : uint8_t(0); };
  const uint8_t first = byte(index);
  const size_t length = first < 0x80                      ? 1
                        : first >= 0xC2 && first < 0xE0   ? 2
                        : first >= 0xE0 && first < 0xF0   ? 3
                        : first >= 0xF0 && first < 0xF5   ? 4
                                                          : 0;
  for (size_t next = 1; next < length; ++next)
    if ((byte(index + next) & 0xC0) != 0x80) return 0;
  return length;
}

}  // namespace

std::string text(const std::string &value) {
  std::string out = "\"";
  for (size_t index = 0; index < value.size();) {
    const size_t length = character(value, index);
    const char letter = value[index];
    if (length == 0) {
      out += '?';  // file names may hold any bytes, JSON may not
    } else if (letter == '"' || letter == '\\') {
      (out += '\\') += letter;
    } else if (length == 1 && uint8_t(letter) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", unsigned(letter));
      out += escaped;
    } else {
      out.append(value, index, length);
    }
    index += length ? length : 1;
  }
  return out + '"';
}

std::string text_or_null(const std::string &value) { return value.empty() ? "null" : text(value); }

}  // namespace runner::json
