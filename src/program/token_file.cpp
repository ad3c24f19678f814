#include "program/token_file.hpp"

#include <algorithm>
#include <sys/stat.h>

#include <fmt/core.h>

#include "program/speak.hpp"

namespace cobatch::program {

namespace {

constexpr std::size_t most_bytes = 4096;
constexpr std::size_t least_characters = 16;

result<void> check_private(const std::filesystem::path& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0)
    return fail(errc::io_error, fmt::format("--token-file: there is no file '{}' that can be read.", file.string()));
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(errc::unsafe_file, fmt::format("--token-file: others may read or change '{}'. Close it with: chmod 600 "
                                               "'{}'; if somebody may have seen the token, make a new one.",
                                               file.string(), file.string()));
  return {};
}

}  // namespace

result<std::string> read_token(const std::filesystem::path& file) {
  if (auto fine = check_private(file); !fine) return fail(std::move(fine.error()));
  auto text = read_input(file.string(), most_bytes);
  if (!text) return fail(std::move(text.error()));
  std::string token = text->substr(0, text->find('\n'));
  while (!token.empty() && token.back() == '\r') token.pop_back();
  const bool fits = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!fits || token.size() < least_characters)
    return fail(errc::bad_value, fmt::format("--token-file: the first line of '{}' must be a token of at least {} "
                                             "characters without spaces. Make one with: openssl rand -hex 24",
                                             file.string(), least_characters));
  return token;
}

}  // namespace cobatch::program
