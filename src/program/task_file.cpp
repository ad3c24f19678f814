#include "program/task_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "base/text.hpp"

namespace cobatch::program {

namespace {

constexpr std::string_view white_space = " \t\r";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(white_space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white_space) + 1 - begin);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// " (line 3)", " (lines 3, 5, …)".
std::string at_lines(const std::vector<std::size_t>& lines) {
  constexpr std::size_t most_named = 20;
  const auto end = lines.begin() + static_cast<std::ptrdiff_t>(std::min(lines.size(), most_named));
  return fmt::format(" (line{} {}{})", lines.size() == 1 ? "" : "s", fmt::join(lines.begin(), end, ", "),
                     end == lines.end() ? "" : ", …");
}

// Each line that is not blank as JSON; nothing if the first one is no task by itself.
std::optional<result<json::array>> read_json_lines(const std::vector<std::string_view>& lines) {
  json::array tasks;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_blank(lines[i])) continue;
    auto task = json::parse(lines[i]);
    const bool may_be_task = task && (task->as_object() != nullptr || task->as_string() != nullptr);
    if (tasks.empty() && !may_be_task) return std::nullopt;
    // Behind as many lines as in the file, so that the place in the message is that in the file.
    if (!task) return fail(json::parse(std::string(i, '\n').append(lines[i])).error());
    tasks.push_back(std::move(*task));
  }
  if (tasks.empty()) return std::nullopt;
  return tasks;
}

struct checklist_item {
  bool ticked = false;
  std::string text;
  std::size_t line = 0;
  std::size_t indentation = 0;  // of its content: what lines below it are indented by
};

// `- [ ] text`, `* [x] text`, `1. [ ] text`, indented or not.
std::optional<checklist_item> item_in(std::string_view whole, std::size_t line_number) {
  const std::string_view line = trimmed(whole);
  const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  const std::string_view marker = digits > 0 ? ".)" : "-*+";
  if (digits == line.size() || marker.find(line[digits]) == std::string_view::npos) return std::nullopt;
  const std::string_view box = trimmed(line.substr(digits + 1));
  if (box.size() < 3 || box[0] != '[' || box[2] != ']' ||
      std::string_view(" xX").find(box[1]) == std::string_view::npos)
    return std::nullopt;
  if (box.size() > 3 && white_space.find(box[3]) == std::string_view::npos) return std::nullopt;
  return checklist_item{box[1] != ' ', std::string(trimmed(box.substr(3))), line_number, whole.find('[')};
}

// "```" or longer, also of "~", if a code fence begins with the line; empty otherwise.
std::string_view fence_in(std::string_view line) {
  line = trimmed(line);
  if (line.empty() || (line[0] != '`' && line[0] != '~')) return {};
  const std::size_t length = std::min(line.find_first_not_of(line[0]), line.size());
  const bool is_code_span = line[0] == '`' && line.find('`', length) != std::string_view::npos;
  return length < 3 || is_code_span ? std::string_view() : line.substr(0, length);
}

// The items of a Markdown text, read line by line, and the lines that belong to none.
class checklist {
 public:
  explicit checklist(const std::vector<std::string_view>& lines) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (is_blank(lines[i]))
        ++blank_lines_;
      else
        read(lines[i], i + 1);
    }
  }
  [[nodiscard]] const std::vector<checklist_item>& items() const { return items_; }
  [[nodiscard]] const std::vector<std::size_t>& others() const { return others_; }

 private:
  void read(std::string_view line, std::size_t number) {
    const std::size_t indentation = std::min(line.find_first_not_of(white_space), line.size());
    if (fence_in_item_ && indentation == 0) fence_ = {};
    auto item = fence_.empty() ? item_in(line, number) : std::nullopt;
    in_item_ = item || (in_item_ && indentation > 0);
    if (item)
      items_.push_back(std::move(*item));
    else if (in_item_)
      append(line, indentation);
    else
      others_.push_back(number);
    blank_lines_ = 0;
    follow_fence(trimmed(line));
  }

  // A line of the latest item, which keeps its shape.
  void append(std::string_view line, std::size_t indentation) {
    checklist_item& item = items_.back();
    line = line.substr(0, line.find_last_not_of(white_space) + 1).substr(std::min(indentation, item.indentation));
    item.text.append(blank_lines_ + 1, '\n').append(line);
  }

  void follow_fence(std::string_view line) {
    if (fence_.empty()) {
      fence_ = fence_in(line);
      fence_in_item_ = in_item_ && !fence_.empty();
    } else if (line.starts_with(fence_) && line.find_first_not_of(fence_[0]) == std::string_view::npos) {
      fence_ = {};
    }
  }

  std::vector<checklist_item> items_;
  std::vector<std::size_t> others_;
  std::string_view fence_;  // that the line stands behind
  bool in_item_ = false, fence_in_item_ = false;
  std::size_t blank_lines_ = 0;  // before the line
};

class task_file_reader {
 public:
  result<task_file> read(std::string_view text) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    const auto lines = lines_of(text);
    if (const auto bad = std::find_if_not(lines.begin(), lines.end(), is_utf8); bad != lines.end())
      return fail(errc::bad_encoding,
                  fmt::format("The tasks could not be read: line {} is not valid UTF-8. Nothing was "
                              "changed. Write the file in UTF-8.",
                              bad - lines.begin() + 1));
    auto parsed = json::parse(text);
    if (parsed) return from_json(std::move(*parsed));
    if (const auto tasks = read_json_lines(lines)) {
      if (!*tasks) return unreadable(tasks->error());
      return with_tasks({}, **tasks);
    }
    const checklist marked(lines);
    return marked.items().empty() ? unreadable(parsed.error()) : from_checklist(marked);
  }

 private:
  static tl::unexpected<error> unreadable(const error& why) {
    return fail(why.code, fmt::format("The tasks could not be read: {}. Nothing was changed. Give JSON, JSON Lines, or "
                                      "a Markdown checklist (- [ ] text).",
                                      why.message));
  }

  result<task_file> from_json(json::value given) {
    if (given.as_array() != nullptr) return with_tasks({}, *given.as_array());
    if (given.as_object() == nullptr)
      return fail(errc::not_an_object, fmt::format("The tasks are {}; give an array of tasks, or an object with "
                                                   "batch_id and tasks. Nothing was changed.",
                                                   given.kind()));
    const json::value* tasks = find(*given.as_object(), "tasks");
    if (tasks != nullptr && tasks->as_array() != nullptr) {
      const json::array list = *tasks->as_array();
      std::erase_if(*given.as_object(), [](const auto& member) { return member.name == "tasks"; });
      return with_tasks(std::move(*given.as_object()), list);
    }
    // JSON Lines of one line.
    for (const std::string_view name : {"description", "prompt", "title"})
      if (tasks == nullptr && find(*given.as_object(), name) != nullptr) return with_tasks({}, {given});
    return task_file{std::move(*given.as_object()), {}};
  }

  struct entry {
    json::value task;
    bool passed_over = false;
  };

  result<task_file> with_tasks(json::object params, const json::array& given) {
    std::vector<entry> entries;
    for (const auto& one : given) entries.push_back({read_task(one)});
    return finished(std::move(params), std::move(entries));
  }

  result<task_file> from_checklist(const checklist& marked) {
    note_passed_over("they belong to no item", "line", marked.others());
    std::vector<entry> entries;
    std::vector<std::size_t> ticked, without_text;
    for (const auto& item : marked.items()) {
      if (item.ticked)
        ticked.push_back(item.line);
      else if (is_blank(item.text))
        without_text.push_back(item.line);
      if (!is_blank(item.text)) entries.push_back({json::object{{"description", item.text}}, item.ticked});
    }
    if (std::all_of(entries.begin(), entries.end(), [](const auto& one) { return one.passed_over; }))
      return fail(errc::bad_value, fmt::format("{}. Nothing was changed.",
                                               without_text.empty() ? "All items of the checklist are ticked"
                                                                    : "No open item of the checklist has a text" +
                                                                          at_lines(without_text)));
    note_passed_over("they are ticked", "item", ticked);
    note_passed_over("they have no text", "item", without_text);
    return finished({}, std::move(entries));
  }

  // What is passed over gets its id, too, so that those of the others stay as they were.
  task_file finished(json::object params, std::vector<entry> entries) {
    json::array tasks;
    std::string first_named;
    for (auto& [task, passed_over] : entries) {
      std::string id = name_task(task);
      if (passed_over) continue;
      if (first_named.empty()) first_named = std::move(id);
      tasks.push_back(std::move(task));
    }
    if (!first_named.empty())
      note(fmt::format("Tasks without an id got one from their description; the first is '{}'.", first_named));
    params.push_back({"tasks", std::move(tasks)});
    return task_file{std::move(params), std::move(notes_)};
  }

  void note_passed_over(std::string_view why, std::string_view noun, const std::vector<std::size_t>& lines) {
    if (lines.empty()) return;
    note(fmt::format("Passed over as {}: {}{}.", why, counted(static_cast<std::int64_t>(lines.size()), noun),
                     at_lines(lines)));
  }

  json::value read_task(const json::value& given) {
    if (given.as_string() != nullptr) return json::object{{"description", given}};
    if (given.as_object() == nullptr) return given;
    json::object task = *given.as_object();
    std::erase_if(task, [](const auto& member) { return member.content.is_null(); });
    rename(task, "task_id", {"id"});
    rename(task, "description", {"prompt", "title"});
    rename(task, "needs", {"dependencies"});
    for (auto& member : task) {
      if (member.name == "task_id") member.content = as_id(member.content);
      if (member.name != "needs" || member.content.as_array() == nullptr) continue;
      json::array needs;
      for (const auto& need : *member.content.as_array()) needs.push_back(as_id(need));
      member.content = std::move(needs);
    }
    if (const json::value* id = find(task, "task_id"); id != nullptr && id->as_string() != nullptr)
      ids_.insert(*id->as_string());
    return task;
  }

  // The first of the other spellings, if the name itself is not there.
  void rename(json::object& task, std::string_view name, std::initializer_list<std::string_view> others) {
    if (find(task, name) != nullptr) return;
    for (const std::string_view other : others)
      for (auto& member : task)
        if (member.name == other) {
          member.name = name;
          return note(fmt::format("'{}' was taken as '{}'.", other, name));
        }
  }

  json::value as_id(const json::value& given) {
    if (given.as_int() == nullptr && given.as_number() == nullptr) return given;
    note("Numbers that stand for ids were taken as texts.");
    return json::write(given);
  }

  // The id that the task gets, so that the same file names the same tasks again: what is there already is not stored
  // twice. Empty if it gets none.
  std::string name_task(json::value& task) {
    json::object* members = task.as_object();
    if (members == nullptr || find(*members, "task_id") != nullptr) return {};
    const json::value* description = find(*members, "description");
    if (description == nullptr || description->as_string() == nullptr) return {};
    const std::string base = id_from(*description->as_string());
    std::string id = base;
    for (auto& same = named_[base]; !ids_.insert(id).second;) id = fmt::format("{}_{}", base, ++same + 1);
    members->insert(members->begin(), {"task_id", id});
    return id;
  }

  // Its first words: letters, digits and what is not ASCII, with underscores between. Where they are cut, a hash of the
  // whole tells the descriptions apart that begin alike.
  static std::string id_from(std::string_view description) {
    constexpr std::size_t longest = 48;
    std::string id;
    for (const char c : to_line(description, description.size())) {
      const bool kept = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c & 0x80) != 0;
      if (kept)
        id += c;
      else if (!id.empty() && id.back() != '_')
        id += '_';
    }
    if (!id.empty() && id.back() == '_') id.pop_back();
    if (id.empty()) return "task";
    if (id.size() <= longest) return id;
    return fmt::format("{}_{:08x}", utf8_prefix(id, longest), hash_of(description));
  }

  // FNV-1a: the same on every machine and in every version, as the ids are stored.
  static std::uint32_t hash_of(std::string_view text) {
    std::uint32_t hash = 2166136261U;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    return hash;
  }

  static const json::value* find(const json::object& in, std::string_view name) {
    for (const auto& member : in)
      if (member.name == name && !member.content.is_null()) return &member.content;
    return nullptr;
  }

  void note(std::string text) {
    if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) notes_.push_back(std::move(text));
  }

  std::vector<std::string> notes_;
  std::set<std::string> ids_;
  std::map<std::string, int> named_;  // how often an id was made with this beginning
};

}  // namespace

result<task_file> read_task_file(std::string_view text) { return task_file_reader().read(text); }

}  // namespace cobatch::program
