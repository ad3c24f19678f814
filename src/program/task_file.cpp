#include "program/task_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/core.h>

#include <cobatch/core/text.hpp>

#include "run/counted.hpp"

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

// Each line that is not blank as JSON; nothing if the first one is no task by itself.
std::optional<result<json::array>> read_json_lines(std::string_view text) {
  json::array tasks;
  const auto lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_blank(lines[i])) continue;
    auto task = json::parse(lines[i]);
    const bool may_be_task = task && (task->as_object() != nullptr || task->as_string() != nullptr);
    if (tasks.empty() && !may_be_task) return std::nullopt;
    if (!task) return fail(task.error().code, fmt::format("JSON Lines, line {}: {}", i + 1, task.error().message));
    tasks.push_back(std::move(*task));
  }
  if (tasks.empty()) return std::nullopt;
  return tasks;
}

struct checklist_item {
  bool ticked = false;
  std::string text;
};

// `- [ ] text`, `* [x] text`, `1. [ ] text`, indented or not.
std::optional<checklist_item> item_in(std::string_view line) {
  line = trimmed(line);
  const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  const std::string_view marker = digits > 0 ? ".)" : "-*+";
  if (digits == line.size() || marker.find(line[digits]) == std::string_view::npos) return std::nullopt;
  const std::string_view box = trimmed(line.substr(digits + 1));
  if (box.size() < 3 || box[0] != '[' || box[2] != ']' ||
      std::string_view(" xX").find(box[1]) == std::string_view::npos)
    return std::nullopt;
  return checklist_item{box[1] != ' ', std::string(trimmed(box.substr(3)))};
}

class task_file_reader {
 public:
  result<task_file> read(std::string_view text) {
    auto parsed = json::parse(text);
    if (parsed) return from_json(std::move(*parsed));
    if (auto lines = read_json_lines(text)) {
      if (!*lines) return unreadable(lines->error());
      return with_tasks({}, **lines);
    }
    const json::array tasks = checklist(lines_of(text));
    return is_checklist_ ? with_tasks({}, tasks) : unreadable(parsed.error());
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
    const json::value* tasks = given.find("tasks");
    if (tasks != nullptr && tasks->as_array() != nullptr) {
      const json::array list = *tasks->as_array();
      std::erase_if(*given.as_object(), [](const auto& member) { return member.name == "tasks"; });
      return with_tasks(std::move(*given.as_object()), list);
    }
    // JSON Lines of one line.
    for (const std::string_view name : {"description", "prompt", "title"})
      if (tasks == nullptr && given.find(name) != nullptr) return with_tasks({}, {given});
    return task_file{std::move(*given.as_object()), {}};
  }

  result<task_file> with_tasks(json::object params, const json::array& given) {
    json::array tasks;
    tasks.reserve(given.size());
    for (const auto& one : given) tasks.push_back(read_task(one));
    for (auto& task : tasks) name_task(task);
    if (!first_named_.empty())
      note(fmt::format("Tasks without an id got one from their description; the first is '{}'.", first_named_));
    params.push_back({"tasks", std::move(tasks)});
    return task_file{std::move(params), std::move(notes_)};
  }

  json::array checklist(const std::vector<std::string_view>& lines) {
    json::array tasks;
    std::vector<std::string> texts;
    std::int64_t ticked = 0, others = 0;
    bool in_task = false;
    for (const std::string_view line : lines) {
      if (is_blank(line)) continue;
      if (auto item = item_in(line)) {
        is_checklist_ = true;
        in_task = !item->ticked;
        ticked += item->ticked ? 1 : 0;
        if (in_task) texts.push_back(std::move(item->text));
      } else if (in_task && white_space.find(line.front()) != std::string_view::npos) {
        texts.back() += "\n" + std::string(trimmed(line));
      } else {
        in_task = false;
        ++others;
      }
    }
    for (auto& text : texts) tasks.emplace_back(std::move(text));
    if (ticked > 0) note(fmt::format("Passed over as they are ticked: {}.", counted(ticked, "item")));
    if (others > 0) note(fmt::format("Passed over as they belong to no open item: {}.", counted(others, "line")));
    return tasks;
  }

  json::value read_task(const json::value& given) {
    if (given.as_string() != nullptr) return json::object{{"description", given}};
    if (given.as_object() == nullptr) return given;
    json::object task = *given.as_object();
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
        if (member.name == other && !member.content.is_null()) {
          member.name = name;
          return note(fmt::format("'{}' was taken as '{}'.", other, name));
        }
  }

  json::value as_id(const json::value& given) {
    if (given.as_int() == nullptr && given.as_number() == nullptr) return given;
    note("Numbers that stand for ids were taken as texts.");
    return json::write(given);
  }

  // So that the same file names the same tasks again: what is there already is not stored twice.
  void name_task(json::value& task) {
    json::object* members = task.as_object();
    if (members == nullptr || find(*members, "task_id") != nullptr) return;
    const json::value* description = find(*members, "description");
    if (description == nullptr || description->as_string() == nullptr) return;
    const std::string base = id_from(*description->as_string());
    std::string id = base;
    for (auto& same = named_[base]; !ids_.insert(id).second;) id = fmt::format("{}_{}", base, ++same + 1);
    if (first_named_.empty()) first_named_ = id;
    members->insert(members->begin(), {"task_id", id});
  }

  // Its first words: letters, digits and what is not ASCII, with underscores between.
  static std::string id_from(std::string_view description) {
    constexpr std::size_t looked_at = 256, longest = 48;
    std::string id;
    for (const char c : to_line(utf8_prefix(description, looked_at), looked_at)) {
      const bool kept = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c & 0x80) != 0;
      if (kept)
        id += c;
      else if (!id.empty() && id.back() != '_')
        id += '_';
    }
    id.resize(utf8_prefix(id, longest).size());
    while (!id.empty() && id.back() == '_') id.pop_back();
    return id.empty() ? "task" : id;
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
  bool is_checklist_ = false;
};

}  // namespace

result<task_file> read_task_file(std::string_view text) {
  return task_file_reader().read(text);
}

}  // namespace cobatch::program
