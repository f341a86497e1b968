// Just as much JSON as the result needs: values as text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace runner::json {

std::string text(const std::string &value);           // quoted and escaped
std::string text_or_null(const std::string &value);   // null if empty

inline std::string value(int64_t number) { return std::to_string(number); }
inline std::string value(size_t number) { return std::to_string(number); }
inline std::string value(int number) { return std::to_string(number); }
inline std::string value(bool truth) { return truth ? "true" : "false"; }
inline std::string value(const std::string &string) { return text(string); }

template <class Item>
std::string value(const std::optional<Item> &item);
template <class Item>
std::string value(const std::map<std::string, Item> &items);
template <class First, class Second>
std::string value(const std::pair<First, Second> &items);

template <class Item>
std::string value(const std::vector<Item> &items) {
  std::string out;
  for (const Item &item : items) out += (out.empty() ? "" : ", ") + value(item);
  return "[" + out + "]";
}

template <class Item>
std::string value(const std::map<std::string, Item> &items) {
  std::string out;
  for (const auto &[name, item] : items)
    out += (out.empty() ? "" : ", ") + text(name) + ": " + value(item);
  return "{" + out + "}";
}

template <class First, class Second>
std::string value(const std::pair<First, Second> &items) {
  return "[" + value(items.first) + ", " + value(items.second) + "]";
}

template <class Item>
std::string value(const std::optional<Item> &item) {
  return item ? value(*item) : "null";
}

}  // namespace runner::json
