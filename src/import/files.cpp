#include "os/files.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.hpp"
#include "import/original.hpp"
#include "views/view_files.hpp"
#include "views/views.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;
using kind = import_finding::kind;

constexpr std::string_view queue_name = "claude_task_queue.json";
constexpr std::string_view results_name = "claude_task_results.json";
constexpr std::string_view history_name = "token_telemetry.json";

constexpr std::string_view last_counts = "The last one counts; what stands before it was not put in.";

constexpr std::size_t largest_file = std::size_t{256} * 1024 * 1024;

// The names of what is in a folder, sorted; none if it is not there.
result<std::vector<std::string>> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code problem;
  if (!fs::exists(folder, problem) && !problem) return names;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem))
    names.push_back(at->path().filename().string());
  if (problem) return fail(system_error(problem.value(), "look into the folder", folder));
  std::sort(names.begin(), names.end());
  return names;
}

// The file of that name, and what a workspace has found there and set aside, the latest first.
std::vector<std::string> versions_of(std::string_view name, const std::vector<std::string>& names) {
  std::vector<std::string> versions;
  const std::string aside = std::string(name) + std::string(set_aside_mark);
  for (const auto& other : names)
    if (other == name || other.starts_with(aside)) versions.push_back(other);
  if (!versions.empty()) std::reverse(versions.begin() + (versions.front() == name ? 1 : 0), versions.end());
  return versions;
}

std::vector<std::string> archives_among(const std::vector<std::string>& names) {
  std::vector<std::string> archives;
  for (const auto& name : names)
    if (name.starts_with("results_") && name.ends_with(".jsonl"))
      archives.push_back(fmt::format("{}/{}", archive_folder, name));
  return archives;
}

// Only a regular file: to open anything else may wait for ever.
result<std::string> read_regular(const fs::path& path) {
  std::error_code problem;
  if (!fs::is_regular_file(path, problem))
    return fail(errc::io_error, problem ? problem.message() : std::string("it is not a regular file"));
  return read_file(path, largest_file);
}

// ------------------------------------------------------------------------------- names that stand more than once

// The parser keeps the last content of a name only, as Python does; so what stands before it is looked for here.
struct repeated {
  bool outer = false;                   // `member` itself stands more than once
  std::vector<std::string> inner = {};  // of the names in its object, each once
};

// Behind the quote that ends the string which begins at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

bool is_name(std::string_view text, std::size_t end) {
  const std::size_t next = text.find_first_not_of(" \t\r\n", end);
  return next != std::string_view::npos && text[next] == ':';
}

std::string decoded(std::string_view string) {
  const auto parsed = json::parse(string);
  return parsed && parsed->as_string() != nullptr ? *parsed->as_string() : std::string(string);
}

// Those that stand there more than once, each once.
std::vector<std::string> only_repeated(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  std::vector<std::string> twice;
  for (std::size_t i = 1; i < names.size(); ++i)
    if (names[i] == names[i - 1] && (twice.empty() || twice.back() != names[i])) twice.push_back(names[i]);
  return twice;
}

// `text` is valid JSON. Looks at the member of that name of the outermost object.
repeated repeated_names(std::string_view text, std::string_view member) {
  int depth = 0;
  int met = 0;          // how often the member has been
  bool inside = false;  // what is read now is its content
  std::vector<std::string> names;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c != '"') continue;
    const std::size_t end = end_of_string(text, at);
    const bool wanted = depth == 1 || (depth == 2 && inside);
    if (wanted && is_name(text, end)) {
      std::string name = decoded(text.substr(at, end - at));
      if (depth == 1) {
        inside = name == member;
        met += inside ? 1 : 0;
      } else {
        names.push_back(std::move(name));
      }
    }
    at = end - 1;
  }
  return {met > 1, only_repeated(std::move(names))};
}

// -------------------------------------------------------------------------------------------------- the reader

class folder_reader {
 public:
  folder_reader(const fs::path& folder, const view_note& ours, std::vector<import_finding>& findings)
      : folder_(folder), ours_(ours), findings_(findings) {}

  // {"<member>": {"<task_id>": {…}}}, or with a list of objects that have a task_id.
  void read_object(const std::string& file, std::string_view member, std::vector<original_entry>& to) {
    const auto text = read(file);
    if (!text) return;
    json::repairs repaired;
    auto whole = json::parse_leniently(*text, repaired);
    if (!whole) return say_no_json(file, whole.error().message);
    say_repaired(file, repaired);
    if (whole->as_object() == nullptr) return set_aside(file, {}, fmt::format("is {}, not an object", whole->kind()));
    if (whole->as_object()->empty()) return;
    if (whole->find(member) == nullptr) return set_aside(file, {}, fmt::format("has no \"{}\"", member));
    say_repeated(file, member, *text);
    say_others(file, member, *whole->as_object());
    for (auto& [name, content] : *whole->as_object())
      if (name == member) return read_entries(file, member, std::move(content), to);
  }

  // A line an object that has a task_id.
  void read_lines(const std::string& file, std::vector<original_entry>& to) {
    const auto text = read(file);
    if (!text) return;
    std::string_view rest = *text;
    const std::size_t before = to.size();
    json::repairs all_repaired;
    for (std::size_t number = 1; !rest.empty(); ++number) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      json::repairs repaired;
      auto parsed = json::parse_leniently(line, repaired);
      all_repaired += repaired;
      if (!parsed)
        set_aside(file, {}, fmt::format("line {} cannot be read: {}", number, parsed.error().message));
      else
        add_of_list(file, std::move(*parsed), to);
    }
    say_repaired(file, all_repaired);
    for (std::size_t i = before; i < to.size(); ++i) to[i].archived = true;
  }

 private:
  std::optional<std::string> read(const std::string& file) {
    if (is_ours(folder_ / file, ours_)) {
      findings_.push_back(
          {kind::note, file, {}, "was written by Cobatch, as a copy of what it stores; it was skipped."});
      return std::nullopt;
    }
    auto text = read_regular(folder_ / file);
    if (text) return std::move(*text);
    set_aside(file, {}, fmt::format("cannot be read: {}", text.error().message));
    return std::nullopt;
  }

  void say_no_json(const std::string& file, std::string_view why) {
    say_not_put_in(
        file, {},
        fmt::format("cannot be read: {}. So nothing of this file was put in. Mend it there and import again.", why));
  }

  // Values that are no JSON, which Python writes and reads all the same.
  void say_repaired(const std::string& file, const json::repairs& repaired) {
    const auto say = [&](std::size_t count, std::string_view what, std::string_view by) {
      if (count > 0)
        findings_.push_back(
            {kind::note, file, {}, fmt::format("holds {} {}; {} stands in their place.", count, what, by)});
    };
    say(repaired.surrogates, "halves of surrogate pairs, which are no text", "U+FFFD");
    say(repaired.bytes, "bytes that are not UTF-8", "U+FFFD");
    say(repaired.numbers, "values NaN or Infinity", "null");
  }

  void say_repeated(const std::string& file, std::string_view member, std::string_view text) {
    const auto twice = repeated_names(text, member);
    if (twice.outer) say_not_put_in(file, {}, fmt::format("has \"{}\" more than once. {}", member, last_counts));
    for (const auto& id : twice.inner)
      say_not_put_in(file, id, fmt::format("stands there more than once. {}", last_counts));
  }

  // What else stands in the file, and is not empty.
  void say_others(const std::string& file, std::string_view member, const json::object& whole) {
    std::vector<std::string> names;
    const auto is_empty = [](const json::value& one) {
      return one.is_null() || one == json::value(json::array{}) || one == json::value(json::object{});
    };
    for (const auto& [name, content] : whole)
      if (name != member && !is_empty(content)) names.push_back(fmt::format("\"{}\"", name));
    if (!names.empty())
      findings_.push_back(
          {kind::note,
           file,
           {},
           fmt::format("also has {}, which is of no single task; it was not taken over.", fmt::join(names, ", "))});
  }

  void read_entries(const std::string& file, std::string_view member, json::value entries,
                    std::vector<original_entry>& to) {
    if (auto* by_id = entries.as_object()) {
      for (auto& [id, given] : *by_id) add(file, id, std::move(given), to);
    } else if (const auto* list = entries.as_array()) {
      for (const auto& given : *list) add_of_list(file, given, to);
    } else {
      set_aside(file, {}, fmt::format("\"{}\" is {}, not an object", member, entries.kind()));
    }
  }

  void add_of_list(const std::string& file, json::value given, std::vector<original_entry>& to) {
    const std::string id = json::text_of(given, "task_id");
    add(file, id, std::move(given), to);
  }

  void add(const std::string& file, const std::string& id, json::value given, std::vector<original_entry>& to) {
    if (given.as_object() == nullptr)
      return set_aside(file, id, fmt::format("{} stands there, not an object", given.kind()));
    if (id.empty()) return set_aside(file, id, "a task stands there without a task_id");
    std::erase_if(*given.as_object(),
                  [&](const json::member& one) { return one.name == "task_id" && one.content == json::value(id); });
    to.push_back({file, id, std::move(given)});
  }

  void set_aside(const std::string& file, const std::string& id, std::string_view why) {
    say_not_put_in(file, id, fmt::format("{}; it was not put in.", why));
  }

  void say_not_put_in(const std::string& file, const std::string& id, std::string sentence) {
    findings_.push_back({kind::set_aside, file, id, std::move(sentence)});
  }

  const fs::path& folder_;
  const view_note& ours_;
  std::vector<import_finding>& findings_;
};

void say_left_alone(const std::vector<std::string>& names, std::vector<import_finding>& findings) {
  const auto say = [&](const char* name, const char* message) {
    if (std::binary_search(names.begin(), names.end(), name)) findings.push_back({kind::note, name, {}, message});
  };
  say("execute_queue.lock",
      "says that somebody may be working these tasks right now. It was left alone; what ends there from now on needs "
      "another import.");
  say("last_execution_telemetry.json", "does not say of which task it is; it was left alone.");
}

// A name that nobody has, or that has this very text; nothing if there is none. `path` with "-2" and so on.
std::optional<fs::path> place_for(const fs::path& path, std::string_view text) {
  for (int n = 1; n < 1000; ++n) {
    const fs::path place = n == 1 ? path : fs::path(fmt::format("{}-{}", path.string(), n));
    std::error_code unseen;
    if (!fs::exists(place, unseen)) return place;
    if (const auto there = read_file(place, text.size()); there && *there == text) return place;
  }
  return std::nullopt;
}

// The name of the copy; nothing if none could be made.
std::optional<std::string> keep_copy(const fs::path& file, const fs::path& to) {
  const auto stamp = stamp_of(file);
  const auto text = read_regular(file);
  if (!stamp || !text) return std::nullopt;
  const std::string moment = moment_text(timestamp{stamp->modified_ns / 1'000'000});
  const auto place = place_for(to / fmt::format("{}.unreadable-{}", file.filename().string(), moment), *text);
  if (!place) return std::nullopt;
  std::error_code unseen;
  if (!fs::exists(*place, unseen) && !write_file_atomically(*place, *text, true)) return std::nullopt;
  return place->filename().string();
}

}  // namespace

result<original_files> read_original(const fs::path& folder, const view_note& ours,
                                     std::vector<import_finding>& findings) {
  const auto names = names_in(folder);
  if (!names) return fail(names.error());
  const auto archive = names_in(folder / archive_folder);
  if (!archive) return fail(archive.error());

  original_files all;
  folder_reader reader(folder, ours, findings);
  bool any = false;
  const auto each = [&](const std::vector<std::string>& files, const auto& read_one) {
    for (const auto& file : files) read_one(file);
    any = any || !files.empty();
  };
  each(archives_among(*archive), [&](const auto& file) { reader.read_lines(file, all.results); });
  each(versions_of(results_name, *names), [&](const auto& file) { reader.read_object(file, "results", all.results); });
  each(versions_of(queue_name, *names), [&](const auto& file) { reader.read_object(file, "tasks", all.tasks); });
  each(versions_of(history_name, *names),
       [&](const auto& file) { reader.read_object(file, "sessions", all.telemetry); });
  if (!any)
    return fail(errc::bad_value,
                fmt::format("{} has neither {} nor {} nor {}, so there is nothing to import. Give the data/ folder of "
                            "the original system",
                            folder.string(), queue_name, results_name, archive_folder));
  say_left_alone(*names, findings);
  return all;
}

void keep_copies(const fs::path& folder, const fs::path& to, std::vector<import_finding>& findings) {
  std::vector<std::string> files;
  for (const auto& one : findings)
    if (one.what == kind::set_aside && std::find(files.begin(), files.end(), one.file) == files.end())
      files.push_back(one.file);
  for (const auto& file : files) {
    if (file.find(set_aside_mark) != std::string::npos) continue;  // a copy already, which nobody writes to
    if (const auto name = keep_copy(folder / file, to))
      findings.push_back(
          {kind::note, file, {}, fmt::format("is as it was; a copy is kept as {}.", (to / *name).string())});
  }
}

}  // namespace cobatch
