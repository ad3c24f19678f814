// Writing for people. Text that came from an agent, a client or a file is never printed raw: escape sequences in it
// could drive the terminal.
#pragma once

#include <string>
#include <string_view>

namespace cobatch::program {

/// `text` with everything that could move a cursor or hide text made visible: control characters and bytes that are
/// not UTF-8 as \xNN, characters that turn the direction of writing or take no room as \u{NNNN}. Line ends and tabs
/// become \n and \t, so it stays on its line.
[[nodiscard]] std::string one_line(std::string_view text);
/// The same, but line ends stay.
[[nodiscard]] std::string many_lines(std::string_view text);
/// At most `width` characters of `one_line`, with … at the end if it was longer.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t width);
/// Of an id in a list.
inline constexpr std::size_t id_width = 40;

[[nodiscard]] bool is_terminal(int descriptor) noexcept;

/// Colours for a terminal; plain text where there is none, or NO_COLOR is set.
class palette {
 public:
  explicit palette(int descriptor);
  [[nodiscard]] std::string good(std::string_view text) const { return paint("32", text); }
  [[nodiscard]] std::string bad(std::string_view text) const { return paint("31", text); }
  [[nodiscard]] std::string note(std::string_view text) const { return paint("33", text); }
  [[nodiscard]] std::string faint(std::string_view text) const { return paint("2", text); }
  [[nodiscard]] std::string strong(std::string_view text) const { return paint("1", text); }

 private:
  [[nodiscard]] std::string paint(std::string_view code, std::string_view text) const;
  bool on_ = false;
};

/// A line to standard output or standard error, whole, also when several threads write.
void print_line(std::string_view line);
void print_error_line(std::string_view line);

/// Closes standard output. False if not all of it has arrived. Why is said on standard error (a full disk,
/// say), unless the reader wanted no more (`| head`).
[[nodiscard]] bool close_output();

}  // namespace cobatch::program
