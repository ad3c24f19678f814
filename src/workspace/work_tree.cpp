#include "workspace/work_tree.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "base/json.hpp"
#include "os/files.hpp"
#include "os/programs.hpp"

namespace cobatch {

namespace fs = std::filesystem;

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t most_bytes_of_git = 16 * 1024 * 1024;
constexpr std::size_t largest_snapshot = 4 * most_bytes_of_git;

// What names one repository, as it is set for git's hooks: the folder decides here.
constexpr std::string_view repository_variables =
    " GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_DIR GIT_GRAFT_FILE GIT_IMPLICIT_WORK_TREE GIT_INDEX_FILE"
    " GIT_NAMESPACE GIT_OBJECT_DIRECTORY GIT_PREFIX GIT_SHALLOW_FILE GIT_WORK_TREE ";

std::vector<std::string> git_environment() {
  auto environment = agent_environment();
  std::erase_if(environment, [](const std::string& entry) {
    return repository_variables.find(' ' + entry.substr(0, entry.find('=')) + ' ') != std::string_view::npos;
  });
  environment.emplace_back("GIT_OPTIONAL_LOCKS=0");
  environment.emplace_back("GIT_NO_LAZY_FETCH=1");
  return environment;
}

// Without this a folder in no repository would cost a process for each look.
bool may_be_in_repository(const fs::path& folder) {
  std::error_code none;
  if (std::getenv("GIT_DIR") != nullptr) return true;
  for (fs::path at = fs::absolute(folder, none);; at = at.parent_path()) {
    if (fs::exists(at / ".git", none)) return true;
    if (!at.has_relative_path()) return false;
  }
}

using settings = std::vector<std::string>;  // name=value

program_call call_of_git(const fs::path& folder, const settings& also, const std::vector<std::string>& what,
                         clock::time_point deadline) {
  program_call call;
  call.argv = {"git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"};
  for (const auto& setting : also) call.argv.insert(call.argv.end(), {"-c", setting});
  call.argv.insert(call.argv.end(), what.begin(), what.end());
  call.working_directory = folder;
  call.environment = git_environment();
  call.output_limit = most_bytes_of_git;
  call.deadline = deadline;
  return call;
}

// What git says to this; nothing if it fails.
std::optional<std::string> ask_git(const fs::path& folder, const std::vector<std::string>& what,
                                   clock::time_point deadline, const settings& also = {}) {
  auto said = run_program(call_of_git(folder, also, what, deadline));
  if (!said || said->exit_code != 0 || said->output_cut) return std::nullopt;
  return std::move(said->output);
}

// Takes the text up to the next zero byte off its front, or to another that ends an item.
std::string_view take_item(std::string_view& list, char end = '\0') {
  const std::string_view item = list.substr(0, list.find(end));
  list.remove_prefix(std::min(item.size() + 1, list.size()));
  return item;
}

// "filter.NAME.clean": what is before "clean", as the name may be empty and have points in it. Empty if it names none.
std::string_view filter_in(std::string_view setting) {
  const auto end = setting.rfind('.') + 1;
  return setting.substr(0, end) == "filter." ? std::string_view() : setting.substr(0, end);
}

// Settings under which git runs none of the programs that it is to put files through: whoever may write in the folder
// may have named some. Nothing if they are not known, or cannot all be set aside.
std::optional<settings> without_filters(const fs::path& folder, clock::time_point deadline) {
  constexpr int nothing_found = 1;
  const auto said =
      run_program(call_of_git(folder, {}, {"config", "--name-only", "-z", "--get-regexp", R"(^filter\.)"}, deadline));
  if (!said || said->output_cut || (said->exit_code != 0 && said->exit_code != nothing_found)) return std::nullopt;
  settings none;
  for (std::string_view left = said->output; !left.empty();) {
    const std::string filter(filter_in(take_item(left)));
    if (filter.find('=') != std::string::npos) return std::nullopt;  // it would end the setting's name
    if (filter.empty()) continue;
    for (const char* what : {"clean=", "process=", "required=false"}) none.push_back(filter + what);
  }
  return none;
}

// Paths from the top of a repository that are not the work's.
class own_paths {
 public:
  own_paths(const std::vector<fs::path>& own, const fs::path& top) {
    for (const auto& path : own) {
      std::string name = path.lexically_relative(top).string();
      if (!name.empty() && name.substr(0, 2) != "..") names_.push_back(std::move(name));
    }
  }

  [[nodiscard]] bool has(std::string_view path) const {
    return std::any_of(names_.begin(), names_.end(), [&](const std::string& own) { return is_of(path, own); });
  }

 private:
  // `own` itself, what is in it, and beside it `.own.*`, `.own` with an ending, and `own.*`: how such files are
  // replaced and set aside.
  static bool is_of(std::string_view path, std::string_view own) {
    if (continues(path, own, "/.")) return true;
    const std::size_t name = own.rfind('/') == std::string_view::npos ? 0 : own.rfind('/') + 1;
    if (path.substr(0, name) != own.substr(0, name) || path.substr(name, 1) != ".") return false;
    return continues(path.substr(name + 1), own.substr(name), ".");
  }
  static bool continues(std::string_view path, std::string_view own, std::string_view separators) {
    if (path.substr(0, own.size()) != own) return false;
    return path.size() == own.size() || separators.find(path[own.size()]) != std::string_view::npos;
  }

  std::vector<std::string> names_;
};

// An entry of `git status --porcelain=v2`: what it says of the file, and its path.
std::optional<std::pair<std::string_view, std::string_view>> split_entry(std::string_view entry) {
  const char kind = entry.empty() ? '\0' : entry.front();
  int fields = kind == '?' ? 1 : kind == '1' ? 8 : kind == 'u' ? 10 : 0;
  if (fields == 0) return std::nullopt;
  std::size_t at = 0;
  for (; fields > 0; --fields) {
    at = entry.find(' ', at);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  return std::pair{entry.substr(0, at - 1), entry.substr(at)};
}

std::string fingerprint_of(std::string_view status, const fs::path& file) {
  std::string text(status);
  const auto stamp = stamp_of(file);
  if (!stamp) return text;
  std::error_code gone;
  const auto mode = static_cast<unsigned>(fs::symlink_status(file, gone).permissions());
  return text + fmt::format(" {} {} {} {:o}", stamp->size, stamp->modified_ns, stamp->inode, mode);
}

void add_entry(work_snapshot& to, std::string_view entry, const own_paths& own) {
  constexpr std::string_view commit = "# branch.oid ";
  if (entry.substr(0, commit.size()) == commit && entry.substr(commit.size()) != "(initial)")
    to.head = entry.substr(commit.size());
  const auto parts = split_entry(entry);
  if (!parts || own.has(parts->second)) return;
  // Names that look alike once they are UTF-8 are one entry.
  to.files[to_utf8(parts->second)] += fingerprint_of(parts->first, to.top / fs::path(parts->second));
}

void add_changed_entries(std::set<std::string>& to, const work_snapshot& from, const work_snapshot& other) {
  for (const auto& [path, fingerprint] : from.files) {
    const auto there = other.files.find(path);
    if (there == other.files.end() || there->second != fingerprint) to.insert(path);
  }
}

// Asks for the names of the files in which two commits differ; an empty one has no files.
std::vector<std::string> diff_command(const std::string& before, const std::string& after) {
  if (before.empty() || after.empty()) return {"ls-tree", "-r", "--name-only", "-z", "--full-tree", before + after};
  return {"diff-tree", "-r", "--name-only", "-z", "--no-renames", "--ignore-submodules", before, after};
}

bool add_differing_files(std::set<std::string>& to, const work_snapshot& before, const work_snapshot& after,
                         const own_paths& own, clock::time_point deadline) {
  const auto said = ask_git(after.top, diff_command(before.head, after.head), deadline);
  if (!said) return false;
  for (std::string_view left = *said; !left.empty();)
    if (const auto path = take_item(left); !own.has(path)) to.insert(to_utf8(path));
  return true;
}

bool add_commits(std::vector<std::string>& to, const work_snapshot& before, const work_snapshot& after,
                 clock::time_point deadline) {
  if (after.head.empty()) return true;
  std::vector<std::string> command{"rev-list", "--reverse", fmt::format("--max-count={}", most_commits + 1),
                                   after.head};
  if (!before.head.empty()) command.push_back("^" + before.head);
  const auto said = ask_git(after.top, command, deadline);
  if (!said) return false;
  for (std::string_view left = *said; !left.empty();) to.emplace_back(take_item(left, '\n'));
  if (to.size() <= most_commits) return true;
  to.erase(to.begin());
  return false;
}

bool is_commit(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

}  // namespace

bool is_dirty(const work_snapshot& snapshot) { return !snapshot.files.empty(); }

work_tree::work_tree(fs::path folder, std::vector<fs::path> own, std::chrono::milliseconds patience)
    : folder_(std::move(folder)), own_(std::move(own)), patience_(patience) {
  // git shows real paths.
  for (auto& path : own_) {
    std::error_code unknown;
    if (auto real = fs::weakly_canonical(path, unknown); !unknown) path = std::move(real);
  }
}

std::optional<work_snapshot> work_tree::look() const {
  if (!may_be_in_repository(folder_)) return std::nullopt;
  const auto deadline = clock::now() + patience_;
  auto top = ask_git(folder_, {"rev-parse", "--show-toplevel"}, deadline);
  if (!top || top->size() < 2) return std::nullopt;
  top->pop_back();  // the line feed
  const auto unfiltered = without_filters(folder_, deadline);
  if (!unfiltered) return std::nullopt;
  const auto said = ask_git(folder_,
                            {"status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind", "--untracked-files=all",
                             "--ignore-submodules", "--no-renames"},
                            deadline, *unfiltered);
  if (!said) return std::nullopt;
  work_snapshot seen{.top = *top};
  const own_paths own(own_, seen.top);
  for (std::string_view left = *said; !left.empty();) add_entry(seen, take_item(left), own);
  return seen;
}

std::optional<work_changes> work_tree::changes_between(const work_snapshot& before, const work_snapshot& after) const {
  if (to_utf8(before.top.string()) != to_utf8(after.top.string())) return std::nullopt;
  work_changes changes;
  std::set<std::string> files;
  add_changed_entries(files, before, after);
  add_changed_entries(files, after, before);
  if (before.head != after.head) {
    const auto deadline = clock::now() + patience_;
    const bool all_files = add_differing_files(files, before, after, own_paths(own_, after.top), deadline);
    const bool all_commits = add_commits(changes.commits, before, after, deadline);
    changes.complete = all_files && all_commits;
  }
  for (const auto& file : files) {
    if (changes.files.size() == most_changed_files) {
      changes.complete = false;
      break;
    }
    changes.files.push_back(file);
  }
  return changes;
}

std::vector<std::string> tracked_files(const fs::path& folder, std::span<const std::string_view> patterns) {
  std::vector<std::string> files;
  if (!may_be_in_repository(folder)) return files;
  std::vector<std::string> what{"ls-files", "-z", "--"};
  // A `*` of theirs stands for no slash, as in a .gitignore.
  for (const auto pattern : patterns) what.push_back(":(glob)" + std::string(pattern));
  const auto said = ask_git(folder, what, clock::now() + git_patience);
  if (!said) return files;
  for (std::string_view left = *said; !left.empty();) files.emplace_back(take_item(left));
  return files;
}

std::vector<fs::path> own_files(const workspace_paths& paths) {
  return {paths.state, paths.marker, paths.queue_view, paths.results_view, paths.history_view};
}

result<void> write_snapshot(const work_snapshot& snapshot, const fs::path& file) {
  json::object files;
  for (const auto& [path, fingerprint] : snapshot.files) files.push_back({path, fingerprint});
  const json::object all{{"top", to_utf8(snapshot.top.string())}, {"head", snapshot.head}, {"files", std::move(files)}};
  return write_file_atomically(file, json::write(all), false);
}

std::optional<work_snapshot> read_snapshot(const fs::path& file) {
  const auto all =
      read_file(file, largest_snapshot).and_then([](const std::string& text) { return json::parse(text); });
  if (!all) return std::nullopt;
  const auto *top = all->find("top"), *head = all->find("head"), *files = all->find("files");
  if (top == nullptr || top->as_string() == nullptr || head == nullptr || head->as_string() == nullptr ||
      !is_commit(*head->as_string()) || files == nullptr || files->as_object() == nullptr)
    return std::nullopt;
  work_snapshot out{.top = *top->as_string(), .head = *head->as_string()};
  for (const auto& [path, fingerprint] : *files->as_object()) {
    if (fingerprint.as_string() == nullptr) return std::nullopt;
    out.files.emplace(path, *fingerprint.as_string());
  }
  return out;
}

}  // namespace cobatch
