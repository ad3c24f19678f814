#include "base/json.hpp"

#include <array>
#include <charconv>
#include <cstddef>

#include <cobatch/core/text.hpp>

namespace cobatch::json {
namespace {

constexpr int one_line = -1;  // as indentation: no line breaks, no spaces
constexpr int indent_width = 2;

void append_int(std::string& out, std::int64_t n) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
  out.append(digits.data(), end);
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view meant = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt", hex = "0123456789abcdef";
  out += '\\';
  if (const auto at = meant.find(c); at != std::string_view::npos) {
    out += letters[at];
    return;
  }
  out += "u00";
  out += hex[static_cast<unsigned char>(c) >> 4U];
  out += hex[static_cast<unsigned char>(c) & 15U];
}

bool needs_escape(char c) noexcept { return static_cast<unsigned char>(c) < 0x20U || c == '"' || c == '\\'; }

class writer {
 public:
  explicit writer(int indent) : indent_(indent) {}

  void append(const value& v) {
    if (v.is_null()) {
      out += "null";
    } else if (const auto* b = v.as_bool()) {
      out += *b ? "true" : "false";
    } else if (const auto* n = v.as_int()) {
      append_int(out, *n);
    } else if (const auto* text = v.as_number()) {
      out += text->text;
    } else if (const auto* s = v.as_string()) {
      append_string(out, *s);
    } else if (const auto* elements = v.as_array()) {
      append_all('[', ']', *elements, [this](const value& element) { append(element); });
    } else {
      append_all('{', '}', *v.as_object(), [this](const member& m) {
        append_string(out, m.name);
        out += indent_ == one_line ? ":" : ": ";
        append(m.content);
      });
    }
  }

  std::string out;

 private:
  template <class Items, class AppendItem>
  void append_all(char open, char close, const Items& items, AppendItem append_item) {
    out += open;
    if (indent_ != one_line) indent_ += indent_width;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out += ',';
      first = false;
      break_line();
      append_item(item);
    }
    if (indent_ != one_line) indent_ -= indent_width;
    if (!items.empty()) break_line();
    out += close;
  }

  void break_line() {
    if (indent_ == one_line) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent_), ' ');
  }

  int indent_;
};

std::string written(const value& v, int indent) {
  writer w(indent);
  w.append(v);
  return std::move(w.out);
}

}  // namespace

const value* value::find(std::string_view name) const noexcept {
  const object* members = as_object();
  if (members == nullptr) return nullptr;
  for (const auto& m : *members)
    if (m.name == name) return &m.content;
  return nullptr;
}

std::string_view value::kind() const noexcept {
  constexpr std::string_view names[] = {"null",     "a boolean", "a number", "a number",
                                        "a string", "an array",  "an object"};
  return names[data_.index()];
}

bool operator==(const value& a, const value& b) { return a.data_ == b.data_; }

std::string write(const value& v) { return written(v, one_line); }

std::string write_pretty(const value& v) { return written(v, 0); }

void append_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = cobatch::detail::utf8_sequence_length(text, i);
    if (length != 0 && !needs_escape(text[i])) {
      i += length;
      continue;
    }
    out.append(text.substr(copied, i - copied));
    if (length == 0)
      out += "\xEF\xBF\xBD";  // a byte that is no text, of a path say
    else
      append_escape(out, text[i]);
    copied = ++i;
  }
  out.append(text.substr(copied));
  out += '"';
}

std::string text_of(const value& of, std::string_view name) {
  const value* found = of.find(name);
  return found != nullptr && found->as_string() != nullptr ? *found->as_string() : std::string{};
}

std::optional<std::int64_t> number_of(const value& of, std::string_view name) {
  const value* found = of.find(name);
  return found != nullptr && found->as_int() != nullptr ? std::optional(*found->as_int()) : std::nullopt;
}

bool is_true(const value& of, std::string_view name) {
  const value* found = of.find(name);
  return found != nullptr && *found == value(true);
}

const array* array_of(const value& of, std::string_view name) {
  const value* found = of.find(name);
  return found == nullptr ? nullptr : found->as_array();
}

std::optional<std::int64_t> told_counts::read(const value& of, std::string_view name) {
  const value* found = of.find(name);
  if (found == nullptr || found->is_null()) return std::nullopt;
  const std::int64_t* count = found->as_int();
  const bool fits = count != nullptr && *count >= 0 && *count <= most_;
  all_fit_ = all_fit_ && fits;
  return fits ? std::optional(*count) : std::nullopt;
}

}  // namespace cobatch::json
