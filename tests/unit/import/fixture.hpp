// A folder with files in the shapes of the original, and a workspace to import it into.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/workspace.hpp>

#include "base/json.hpp"
#include "import/import.hpp"
#include "unit/scratch_folder.hpp"
#include "unit/zone.hpp"

namespace import_test {

namespace fs = std::filesystem;
using namespace cobatch;
using cobatch_test::content_of;
using cobatch_test::scratch_folder;
using cobatch_test::zone;
using kind = import_finding::kind;

inline const std::string queue = "claude_task_queue.json";

/// The original's data/.
class original {
 public:
  [[nodiscard]] const fs::path& path() const { return folder_.path(); }

  void write(const std::string& name, std::string_view text) const {
    fs::create_directories((path() / name).parent_path());
    std::ofstream(path() / name, std::ios::binary | std::ios::trunc) << text;
  }
  /// A queue of one task "a"; `members` are those of its object.
  void queue_of(const std::string& members) const { write(queue, R"({"tasks":{"a":{)" + members + "}}}"); }
  void results_of(const std::string& members) const {
    write("claude_task_results.json", R"({"results":{"a":{)" + members + "}}}");
  }

  /// What is in each of its files.
  [[nodiscard]] std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(path()))
      if (entry.is_regular_file()) all.emplace(fs::relative(entry.path(), path()).string(), content_of(entry.path()));
    return all;
  }

 private:
  scratch_folder folder_;
};

inline constexpr timestamp today{1763000000000};  // 2025-11-13T02:13:20Z

class destination {
 public:
  destination() : place_(open(folder_.path())) {}
  explicit destination(const fs::path& root) : place_(open(root)) {}

  workspace* operator->() { return &place_; }
  workspace& operator*() { return place_; }

  import_report take(const fs::path& folder) {
    auto report = import_original(place_, folder);
    REQUIRE_MESSAGE(report, report.error().message);
    return std::move(*report);
  }

  bool has(const std::string& task) { return place_.task(task_id(task)).has_value(); }
  task_status at(const std::string& task) {
    auto found = place_.task(task_id(task));
    REQUIRE_MESSAGE(found, found.error().message);
    return std::move(*found);
  }

 private:
  static workspace open(const fs::path& root) {
    auto place = workspace::open({.root = root, .clock = [] { return today; }});
    REQUIRE_MESSAGE(place, place.error().message);
    return std::move(*place);
  }

  scratch_folder folder_;
  workspace place_;
};

/// The sentences of this kind about this file and task.
inline std::string said(const import_report& report, kind what, std::string_view file, std::string_view task = {}) {
  std::string all;
  for (const auto& one : report.findings)
    if (one.what == what && one.file == file && one.task == task) all += one.message + "\n";
  return all;
}

inline bool is_named(const import_report& report, std::string_view task) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const auto& one) { return one.task == task; });
}

inline bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

inline json::value parsed(const std::string& text) {
  auto value = json::parse(text);
  REQUIRE_MESSAGE(value, text);
  return std::move(*value);
}

inline timestamp utc(std::string_view iso) {
  const auto at = parse_iso(iso);
  REQUIRE(at);
  return *at;
}

}  // namespace import_test
