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

std::size_t indentation_of(std::string_view line) {
  return std::min(line.find_first_not_of(white_space), line.size());
}

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
    const auto items = checklist(lines);
    return items.empty() ? unreadable(parsed.error()) : from_checklist(items);
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

  result<task_file> with_tasks(json::object params, const json::array& given) {
    json::array tasks;
    tasks.reserve(given.size());
    for (const auto& one : given) tasks.push_back(read_task(one));
    for (auto& task : tasks)
      if (std::string id = name_task(task); first_named_.empty()) first_named_ = std::move(id);
    return finished(std::move(params), std::move(tasks));
  }

  task_file finished(json::object params, json::array tasks) {
    if (!first_named_.empty())
      note(fmt::format("Tasks without an id got one from their description; the first is '{}'.", first_named_));
    params.push_back({"tasks", std::move(tasks)});
    return task_file{std::move(params), std::move(notes_)};
  }

  // Ticked items get their ids, too, so that those of the others stay as they were.
  result<task_file> from_checklist(const std::vector<checklist_item>& items) {
    json::array tasks;
    std::vector<std::size_t> ticked, without_text;
    for (const auto& item : items) {
      json::value task = json::object{{"description", item.text}};
      if (item.ticked)
        ticked.push_back(item.line);
      else if (is_blank(item.text))
        without_text.push_back(item.line);
      if (is_blank(item.text)) continue;
      std::string id = name_task(task);
      if (item.ticked) continue;
      if (first_named_.empty()) first_named_ = std::move(id);
      tasks.push_back(std::move(task));
    }
    if (tasks.empty())
      return fail(errc::bad_value, fmt::format("{}. Nothing was changed.",
                                               without_text.empty() ? "All items of the checklist are ticked"
                                                                    : "No open item of the checklist has a text" +
                                                                          at_lines(without_text)));
    note_passed_over("they are ticked", "item", ticked);
    note_passed_over("they have no text", "item", without_text);
    return finished({}, std::move(tasks));
  }

  std::vector<checklist_item> checklist(const std::vector<std::string_view>& lines) {
    std::vector<checklist_item> items;
    std::vector<std::size_t> others;
    bool in_item = false, fence_in_item = false;
    std::string_view fence;
    std::size_t blank_lines = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string_view line = lines[i];
      if (is_blank(line)) {
        ++blank_lines;
        continue;
      }
      const std::size_t indentation = indentation_of(line);
      if (fence_in_item && indentation == 0) fence = {};
      auto item = fence.empty() ? item_in(line, i + 1) : std::nullopt;
      in_item = item || (in_item && indentation > 0);
      if (item)
        items.push_back(std::move(*item));
      else if (in_item)
        items.back()
            .text.append(blank_lines + 1, '\n')
            .append(line.substr(0, line.find_last_not_of(white_space) + 1)
                        .substr(std::min(indentation, items.back().indentation)));
      else
        others.push_back(i + 1);
      blank_lines = 0;
      if (fence.empty()) {
        fence = fence_in(line);
        fence_in_item = in_item && !fence.empty();
      } else if (trimmed(line).starts_with(fence) &&
                 trimmed(line).find_first_not_of(fence[0]) == std::string_view::npos) {
        fence = {};
      }
    }
    if (!items.empty()) note_passed_over("they belong to no item", "line", others);
    return items;
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
  std::string first_named_;
};

}  // namespace

result<task_file> read_task_file(std::string_view text) {
  return task_file_reader().read(text);
}

}  // namespace cobatch::program
