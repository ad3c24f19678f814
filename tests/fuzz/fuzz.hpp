// What the fuzz targets share. Built for libFuzzer, each is a program of its own (run.sh); built for the tests, all are
// one program that is given the name of a target and files (main.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <system_error>

namespace cobatch_fuzz {

using target_fn = void (*)(std::string_view input);

/// Of the tests' program, by name.
inline std::map<std::string, target_fn>& targets() {
  static std::map<std::string, target_fn> all;
  return all;
}

/// A property that holds for every input.
inline void ensure(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", property);
  std::abort();
}

/// The next line of `input`, without its newline; it is taken away.
inline std::string_view take_line(std::string_view& input) {
  const std::string_view line = input.substr(0, input.find('\n'));
  input.remove_prefix(line.size() == input.size() ? input.size() : line.size() + 1);
  return line;
}

class scratch {
 public:
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "cobatch-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  void append(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary | std::ios::app) << text;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace cobatch_fuzz

#ifdef COBATCH_FUZZER
#define FUZZ_TARGET(name)                                                             \
  static void fuzz_##name(std::string_view input);                                    \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_##name({reinterpret_cast<const char*>(data), size});                         \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_##name(std::string_view input)
#else
#define FUZZ_TARGET(name)                                                                      \
  static void fuzz_##name(std::string_view input);                                             \
  static const bool has_##name = ::cobatch_fuzz::targets().emplace(#name, fuzz_##name).second; \
  static void fuzz_##name([[maybe_unused]] std::string_view input)
#endif
