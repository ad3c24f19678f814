#include "program/terminal.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unistd.h>

#include <fmt/core.h>

#include <cobatch/core/text.hpp>

namespace cobatch::program {

namespace {

// Of a well-formed sequence.
char32_t decoded(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence.front());
  char32_t c = sequence.size() == 1 ? lead : lead & (0xFFU >> (sequence.size() + 1));
  for (const char next : sequence.substr(1)) c = c << 6U | (static_cast<unsigned char>(next) & 0x3FU);
  return c;
}

// Marks that turn the direction of writing, separate lines or show nothing: they make text look like other text.
bool misleads(char32_t c) {
  return (c >= 0x200BU && c <= 0x200FU) || (c >= 0x2028U && c <= 0x202EU) || (c >= 0x2060U && c <= 0x206FU) ||
         c == 0xFEFFU || c == 0x061CU || c == 0x00ADU || (c >= 0xE0000U && c <= 0xE007FU);
}

std::string shown(std::string_view sequence, bool keep_line_ends) {
  const char32_t c = decoded(sequence);
  if (c == U'\n' && !keep_line_ends) return "\\n";
  if (c == U'\t') return "\\t";
  if (c != U'\n' && (c < 0x20U || (c >= 0x7FU && c < 0xA0U))) return fmt::format("\\x{:02x}", static_cast<unsigned>(c));
  if (misleads(c)) return fmt::format("\\u{{{:04x}}}", static_cast<unsigned>(c));
  return std::string(sequence);
}

std::string cleaned(std::string_view text, bool keep_line_ends) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = v1::detail::utf8_sequence_length(text, at);
    out += length > 0 ? shown(text.substr(at, length), keep_line_ends)
                      : fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(text[at])));
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::atomic<int> output_error{0};  // why a line of standard output did not arrive; 0: none is known

void write_line(std::FILE* to, std::string_view line) {
  static std::mutex one_at_a_time;
  const std::lock_guard hold(one_at_a_time);
  std::fwrite(line.data(), 1, line.size(), to);
  std::fputc('\n', to);
  if (std::fflush(to) != 0 && to == stdout) output_error = errno;
}

}  // namespace

std::string one_line(std::string_view text) { return cleaned(text, false); }

std::string many_lines(std::string_view text) { return cleaned(text, true); }

std::string shortened(std::string_view text, std::size_t width) {
  // A character is at most 4 bytes: more of a long text need not be looked at.
  const std::string clean = one_line(text.substr(0, width * 4 + 4));
  std::size_t characters = 0;
  std::size_t cut = clean.size();
  for (std::size_t i = 0; i < clean.size(); ++i) {
    if ((static_cast<unsigned char>(clean[i]) & 0xC0U) == 0x80U) continue;
    if (++characters == width) cut = i;
  }
  return characters <= width ? clean : clean.substr(0, cut) + "…";
}

bool is_terminal(int descriptor) noexcept { return ::isatty(descriptor) == 1; }

palette::palette(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  on_ = is_terminal(descriptor) && (refused == nullptr || *refused == '\0') && terminal != nullptr &&
        std::string_view(terminal) != "dumb";
}

std::string palette::paint(std::string_view code, std::string_view text) const {
  return on_ && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

void print_line(std::string_view line) { write_line(stdout, line); }

void print_error_line(std::string_view line) { write_line(stderr, line); }

bool close_output() {
  const bool failed = std::ferror(stdout) != 0;
  if (std::fclose(stdout) != 0) output_error = errno;
  if (!failed && output_error == 0) return true;
  if (output_error == EPIPE) return false;
  print_error_line(
      fmt::format("cobatch: not all output could be written to standard output{}. What the command did stands.",
                  output_error == 0 ? "" : fmt::format(": {}", std::strerror(output_error))));
  return false;
}

}  // namespace cobatch::program
