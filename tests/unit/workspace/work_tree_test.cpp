#include "workspace/work_tree.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <initializer_list>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "os/files.hpp"
#include "os/programs.hpp"
#include "unit/engine/fixture.hpp"
#include "unit/git.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

namespace fs = std::filesystem;

void make_file(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
}

// A repository with a commit of "a" and "b".
struct repository {
  repository() {
    git(top(), {"init", "--quiet"});
    make_file(top() / "a", "a\n");
    make_file(top() / "b", "b\n");
    first = commit_all(top(), "first");
  }
  [[nodiscard]] fs::path top() const { return folder.path(); }

  scratch_folder folder;
  std::string first;
};

work_snapshot seen(const work_tree& tree) {
  auto snapshot = tree.look();
  REQUIRE(snapshot);
  return std::move(*snapshot);
}

list paths(const work_snapshot& snapshot) {
  list out;
  for (const auto& [path, fingerprint] : snapshot.files) out.push_back(path);
  return out;
}

// What `work` changes in the tree.
template <class Work>
work_changes changes_by(const work_tree& tree, Work work) {
  const auto before = seen(tree);
  work();
  auto changes = tree.changes_between(before, seen(tree));
  REQUIRE(changes);
  return std::move(*changes);
}

// Every file in a folder, with its content, its inode and when it was written.
std::vector<std::string> all_of(const fs::path& folder) {
  list out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat info {};
    REQUIRE(::lstat(entry.path().c_str(), &info) == 0);
    std::string line = entry.path().string() + ' ' + std::to_string(info.st_ino) + ' ' +
                       std::to_string(info.st_mtim.tv_sec) + '.' + std::to_string(info.st_mtim.tv_nsec);
    if (entry.is_regular_file()) line += ' ' + content_of(entry.path());
    out.push_back(std::move(line));
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Sets a variable of this process, for a while.
class with_variable {
 public:
  with_variable(const char* name, const std::string& value) : name_(name), before_(value_of(name)) {
    ::setenv(name, value.c_str(), 1);
  }
  ~with_variable() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }

 private:
  static std::optional<std::string> value_of(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("in a clean tree nothing is dirty, and no work is no change") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  const auto snapshot = seen(tree);
  CHECK_FALSE(is_dirty(snapshot));
  CHECK(snapshot.head == repo.first);
  CHECK(changes_by(tree, [] {}) == work_changes{});
}

TEST_CASE("files that were changed, made and removed are listed") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  const auto changes = changes_by(tree, [&] {
    make_file(repo.top() / "a", "changed\n");
    fs::remove(repo.top() / "b");
    make_file(repo.top() / "deep/down/c", "new\n");
  });
  CHECK(changes.files == list{"a", "b", "deep/down/c"});
  CHECK(changes.commits.empty());
  CHECK(changes.complete);
  CHECK(is_dirty(seen(tree)));
}

TEST_CASE("what was dirty before and is left alone is no change, and what is written again is one") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  make_file(repo.top() / "a", "dirty\n");
  make_file(repo.top() / "untracked", "one\n");
  make_file(repo.top() / "left alone", "one\n");
  CHECK(changes_by(tree, [&] { make_file(repo.top() / "untracked", "another\n"); }).files == list{"untracked"});
  CHECK(changes_by(tree, [&] { make_file(repo.top() / "a", "dirtier\n"); }).files == list{"a"});
}

TEST_CASE("a file that is replaced by one of equal size and time is changed") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  make_file(repo.top() / "new", "one\n");
  const auto when = fs::last_write_time(repo.top() / "new");
  const auto changes = changes_by(tree, [&] {
    make_file(repo.top() / "other", "two\n");
    fs::last_write_time(repo.top() / "other", when);
    fs::rename(repo.top() / "other", repo.top() / "new");
  });
  CHECK(changes.files == list{"new"});
}

TEST_CASE("a file that becomes executable, or is staged, is changed") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  make_file(repo.top() / "new", "one\n");
  CHECK(changes_by(tree, [&] { fs::permissions(repo.top() / "new", fs::perms::owner_all); }).files == list{"new"});
  CHECK(changes_by(tree, [&] { git(repo.top(), {"add", "new"}); }).files == list{"new"});
}

TEST_CASE("a change that is put back is none") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  const auto before = seen(tree);
  make_file(repo.top() / "a", "changed\n");
  make_file(repo.top() / "a", "a\n");
  CHECK(tree.changes_between(before, seen(tree))->files.empty());
}

TEST_CASE("a rename is the old name and the new one") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  git(repo.top(), {"config", "status.renames", "copies"});
  CHECK(changes_by(tree, [&] { git(repo.top(), {"mv", "a", "z"}); }).files == list{"a", "z"});
  CHECK(changes_by(tree, [&] { commit_all(repo.top(), "renamed"); }).files == list{"a", "z"});
}

TEST_CASE("a file with a conflict is listed, and again when it is resolved") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  git(repo.top(), {"checkout", "--quiet", "-b", "other"});
  make_file(repo.top() / "a", "theirs\n");
  commit_all(repo.top(), "theirs");
  git(repo.top(), {"checkout", "--quiet", "main"});
  make_file(repo.top() / "a", "ours\n");
  commit_all(repo.top(), "ours");
  const auto merge = [&] { git(repo.top(), {"-c", "alias.try=!git merge other || true", "try"}); };
  CHECK(changes_by(tree, merge).files == list{"a"});
  CHECK(changes_by(tree, [&] { make_file(repo.top() / "a", "both\n"); }).files == list{"a"});
}

TEST_CASE("ignored files are not seen") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  make_file(repo.top() / ".gitignore", "*.log\n");
  commit_all(repo.top(), "ignore");
  CHECK(changes_by(tree, [&] { make_file(repo.top() / "x.log", "noise\n"); }).files.empty());
}

TEST_CASE("commits are listed from the oldest on, with the files that they changed") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  list made;
  const auto changes = changes_by(tree, [&] {
    make_file(repo.top() / "c", "c\n");
    made.push_back(commit_all(repo.top(), "second"));
    make_file(repo.top() / "a", "changed\n");
    made.push_back(commit_all(repo.top(), "third"));
    make_file(repo.top() / "d", "not committed\n");
  });
  CHECK(changes.files == list{"a", "c", "d"});
  CHECK(changes.commits == made);
  CHECK(changes.complete);
}

TEST_CASE("a dirty file that is committed is listed") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  make_file(repo.top() / "a", "dirty\n");
  std::string commit;
  const auto changes = changes_by(tree, [&] { commit = commit_all(repo.top(), "second"); });
  CHECK(changes.files == list{"a"});
  CHECK(changes.commits == list{commit});
}

TEST_CASE("going back to an earlier commit makes none, and changes files") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  make_file(repo.top() / "c", "c\n");
  commit_all(repo.top(), "second");
  const auto changes = changes_by(tree, [&] { git(repo.top(), {"reset", "--quiet", "--hard", repo.first}); });
  CHECK(changes.files == list{"c"});
  CHECK(changes.commits.empty());
  CHECK(changes.complete);
}

TEST_CASE("a repository without a commit can be looked at, and gets its first") {
  const scratch_folder folder;
  git(folder.path(), {"init", "--quiet"});
  const work_tree tree(folder.path(), {});
  make_file(folder.path() / "a", "a\n");
  const auto before = seen(tree);
  CHECK(before.head.empty());
  CHECK(paths(before) == list{"a"});
  std::string commit;
  const auto changes = changes_by(tree, [&] {
    make_file(folder.path() / "b", "b\n");
    commit = commit_all(folder.path(), "first");
  });
  CHECK(changes.files == list{"a", "b"});
  CHECK(changes.commits == list{commit});
  CHECK(changes.complete);
  const auto back = changes_by(tree, [&] { git(folder.path(), {"checkout", "--quiet", "--orphan", "other"}); });
  CHECK(back.files == list{"a", "b"});
  CHECK(back.commits.empty());
  CHECK(back.complete);
}

TEST_CASE("a detached HEAD is a commit like any other") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  git(repo.top(), {"checkout", "--quiet", "--detach"});
  std::string commit;
  const auto changes = changes_by(tree, [&] {
    make_file(repo.top() / "a", "changed\n");
    commit = commit_all(repo.top(), "second");
  });
  CHECK(seen(tree).head == commit);
  CHECK(changes.files == list{"a"});
  CHECK(changes.commits == list{commit});
}

TEST_CASE("names come through as they are, and as UTF-8 if they are not") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  const auto work = [&] {
    for (const auto* const name : {"with blanks ", "two\nlines", "caf\xC3\xA9", "\xFF!", "-n", "\"quoted\""})
      make_file(repo.top() / name, "new\n");
  };
  const list expected{"\"quoted\"", "-n", "caf\xC3\xA9", "two\nlines", "with blanks ", "\xEF\xBF\xBD!"};
  const auto before = seen(tree);
  CHECK(changes_by(tree, work).files == expected);
  commit_all(repo.top(), "odd names");
  CHECK(tree.changes_between(before, seen(tree))->files == expected);
}

TEST_CASE("two names that look alike as UTF-8 are one, which changes when either does") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  make_file(repo.top() / "\xFE", "one\n");
  make_file(repo.top() / "\xFF", "one\n");
  for (const auto* const name : {"\xFE", "\xFF"})
    CHECK(changes_by(tree, [&] { make_file(repo.top() / name, "changed\n"); }).files == list{"\xEF\xBF\xBD"});
}

TEST_CASE("a folder inside a repository is looked at with all of the repository") {
  const repository repo;
  make_file(repo.top() / "sub/x", "x\n");
  commit_all(repo.top(), "sub");
  const work_tree tree(repo.top() / "sub", {});
  std::string commit;
  const auto changes = changes_by(tree, [&] {
    make_file(repo.top() / "sub/x", "changed\n");
    commit = commit_all(repo.top(), "changed");
    make_file(repo.top() / "a", "changed\n");
    make_file(repo.top() / "sub/y", "new\n");
  });
  CHECK(changes.files == list{"a", "sub/x", "sub/y"});
  CHECK(changes.commits == list{commit});
}

TEST_CASE("a linked working tree is looked at apart from its repository") {
  const repository repo;
  const scratch_folder elsewhere;
  const auto linked = elsewhere.path() / "linked";
  git(repo.top(), {"worktree", "add", "--quiet", linked.string(), "-b", "other"});
  const work_tree tree(linked, {});
  make_file(repo.top() / "a", "changed in the other one\n");
  const auto changes = changes_by(tree, [&] { make_file(linked / "b", "changed\n"); });
  CHECK(changes.files == list{"b"});
  CHECK(seen(tree).top == fs::canonical(linked));
}

TEST_CASE("files that are not the work's are never listed") {
  const repository repo;
  const auto data = repo.top() / "data";
  const work_tree tree(repo.top(), own_files({.root = repo.top(),
                                              .data = data,
                                              .state = data / ".cobatch",
                                              .marker = data / "execute_queue.lock",
                                              .queue_view = data / "claude_task_queue.json",
                                              .results_view = data / "claude_task_results.json",
                                              .history_view = data / "token_telemetry.json"}));
  const auto work = [&] {
    for (const auto* const own : {".cobatch/store.db", ".cobatch/sessions/1/1.out", "execute_queue.lock",
                                  ".execute_queue.lock.Xa81kq", "claude_task_queue.json", ".claude_task_queue.json.new",
                                  ".claude_task_results.json.part", "claude_task_results.json.outside-20260101_000000"})
      make_file(data / own, "ours\n");
    for (const auto* const other : {"claude_task_queue", "claude_task_queue.json5", ".cobatchrc", "input.csv"})
      make_file(data / other, "the work's\n");
    make_file(repo.top() / "execute_queue.lock", "another of that name\n");
  };
  const list expected{"data/.cobatchrc", "data/claude_task_queue", "data/claude_task_queue.json5", "data/input.csv",
                      "execute_queue.lock"};
  const auto before = seen(tree);
  CHECK(changes_by(tree, work).files == expected);
  commit_all(repo.top(), "all of it");
  CHECK(tree.changes_between(before, seen(tree))->files == expected);
}

TEST_CASE("files that are not the work's are known through a link to their folder too") {
  const repository repo;
  const scratch_folder elsewhere;
  fs::create_symlink(repo.top(), elsewhere.path() / "link");
  const auto linked = elsewhere.path() / "link";
  const work_tree tree(linked, {linked / "own"});
  CHECK(changes_by(tree, [&] { make_file(linked / "own/x", "ours\n"); }).files.empty());
}

TEST_CASE("a long list is cut and said to be") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  const auto make = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) make_file(repo.top() / ("f" + std::to_string(i)), "");
  };
  const auto before = seen(tree);
  make(0, most_changed_files);
  const auto just_whole = tree.changes_between(before, seen(tree));
  CHECK(just_whole->files.size() == most_changed_files);
  CHECK(just_whole->complete);
  make(most_changed_files, most_changed_files + 1);
  const auto cut = tree.changes_between(before, seen(tree));
  CHECK(cut->files.size() == most_changed_files);
  CHECK_FALSE(cut->complete);
}

TEST_CASE("of many commits the latest are listed") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  const auto before = seen(tree);
  list made;
  const auto commit = [&] {
    git(repo.top(), {"commit", "--quiet", "--allow-empty", "--message", "m"});
    made.push_back(git(repo.top(), {"rev-parse", "HEAD"}));
  };
  while (made.size() < most_commits) commit();
  const auto just_whole = tree.changes_between(before, seen(tree));
  CHECK(just_whole->commits == made);
  CHECK(just_whole->complete);
  commit();
  made.erase(made.begin());
  const auto cut = tree.changes_between(before, seen(tree));
  CHECK(cut->commits == made);
  CHECK_FALSE(cut->complete);
}

TEST_CASE("a commit that is no longer there makes the list incomplete") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  auto before = seen(tree);
  before.head = std::string(before.head.size(), '1');
  make_file(repo.top() / "c", "c\n");
  const auto changes = tree.changes_between(before, seen(tree));
  CHECK(changes->files == list{"c"});
  CHECK_FALSE(changes->complete);
}

TEST_CASE("where git cannot tell, nothing is known") {
  const repository repo;
  const scratch_folder folder;
  const auto nothing_in = [](const fs::path& where) { CHECK_FALSE(work_tree(where, {}).look()); };
  SUBCASE("no repository") { nothing_in(folder.path()); }
  SUBCASE("no folder") { nothing_in(folder.path() / "gone"); }
  SUBCASE("a bare repository") {
    git(folder.path(), {"init", "--quiet", "--bare"});
    nothing_in(folder.path());
  }
  SUBCASE("inside of .git") { nothing_in(repo.top() / ".git"); }
  SUBCASE("a repository without HEAD") {
    fs::remove(repo.top() / ".git/HEAD");
    nothing_in(repo.top());
  }
  SUBCASE("a broken index") {
    make_file(repo.top() / ".git/index", "no index");
    nothing_in(repo.top());
  }
  SUBCASE("a git that does not answer") {
    make_file(folder.path() / "git", "#!/bin/sh\nwhile :; do sleep 1000; done\n");
    fs::permissions(folder.path() / "git", fs::perms::owner_all);
    const with_variable no_other("PATH", folder.path().string() + ":/usr/bin:/bin");
    CHECK_FALSE(work_tree(repo.top(), {}, std::chrono::milliseconds(20)).look());
  }
  SUBCASE("no git") {
    const with_variable no_programs("PATH", folder.path().string());
    nothing_in(repo.top());
  }
}

TEST_CASE("snapshots of different repositories are not compared") {
  const repository one, other;
  const work_tree tree(one.top(), {});
  CHECK_FALSE(tree.changes_between(seen(tree), seen(work_tree(other.top(), {}))));
}

TEST_CASE("the folder decides which repository is looked at, not the environment of a git hook") {
  const repository repo, other;
  make_file(other.top() / "c", "c\n");
  const with_variable folder("GIT_DIR", (other.top() / ".git").string());
  const with_variable tree("GIT_WORK_TREE", other.top().string());
  CHECK_FALSE(is_dirty(seen(work_tree(repo.top(), {}))));
}

TEST_CASE("a repository is never written to, and none of its hooks and monitors is run") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  const auto hook = repo.top() / ".git/hook.sh";
  make_file(hook, "#!/bin/sh\ntouch \"$(dirname \"$0\")/hook-was-run\"\n");
  fs::permissions(hook, fs::perms::owner_all);
  git(repo.top(), {"config", "core.fsmonitor", hook.string()});
  const auto before = seen(tree);
  make_file(repo.top() / "c", "c\n");
  git(repo.top(), {"-c", "core.fsmonitor=false", "add", "c"});
  git(repo.top(), {"-c", "core.fsmonitor=false", "commit", "--quiet", "--message", "second"});
  // As if it had been written since: the times in the index are out of date, and git would write them anew.
  fs::last_write_time(repo.top() / "a", fs::last_write_time(repo.top() / "a") + std::chrono::hours(1));
  make_file(repo.top() / "b", "changed\n");

  const auto untouched = all_of(repo.top() / ".git");
  const auto after = seen(tree);
  CHECK(paths(after) == list{"b"});
  CHECK(tree.changes_between(before, after)->files == list{"b", "c"});
  CHECK(all_of(repo.top() / ".git") == untouched);

  git(repo.top(), {"status"});
  CHECK(fs::exists(repo.top() / ".git/hook-was-run"));
  CHECK(all_of(repo.top() / ".git") != untouched);
}

TEST_CASE("a filter that somebody has put into the repository is not run, whatever its name") {
  for (const std::string name : {"planted", "two.parts", "Upper", ""})
    for (const std::string kind : {"clean", "process"}) {
      CAPTURE(name);
      CAPTURE(kind);
      const repository repo;
      const auto ran = repo.top() / ".git/filter-was-run";
      git(repo.top(), {"config", "filter." + name + "." + kind, "touch '" + ran.string() + "'; cat"});
      if (kind == "clean") git(repo.top(), {"config", "filter." + name + ".required", "true"});
      make_file(repo.top() / ".gitattributes", "* filter=" + name + "\n");
      make_file(repo.top() / "a", "A\n");  // as long as before: only its content tells
      CHECK(paths(seen(work_tree(repo.top(), {}))) == list{".gitattributes", "a"});
      CHECK_FALSE(fs::exists(ran));
      git(repo.top(), {"status"});
      CHECK(fs::exists(ran));
    }
}

TEST_CASE("where a filter cannot be set aside, nothing is known") {
  const repository repo;
  make_file(repo.top() / ".git/config", content_of(repo.top() / ".git/config") + "[filter \"a=b\"]\n\tclean = cat\n");
  CHECK_FALSE(work_tree(repo.top(), {}).look());
}

TEST_CASE("a snapshot can be kept in a file") {
  const repository repo;
  const work_tree tree(repo.top(), {});
  make_file(repo.top() / "a", "dirty\n");
  make_file(repo.top() / "two\nlines \"\xFF", "new\n");
  const auto snapshot = seen(tree);
  const scratch_folder folder;
  const auto file = folder.path() / "before.json";
  REQUIRE(write_snapshot(snapshot, file));
  CHECK(read_snapshot(file) == snapshot);
  make_file(repo.top() / "b", "dirty\n");
  CHECK(tree.changes_between(*read_snapshot(file), seen(tree))->files == list{"b"});
}

TEST_CASE("a file that is no snapshot is not taken for one") {
  const scratch_folder folder;
  const auto file = folder.path() / "before.json";
  CHECK_FALSE(read_snapshot(file));
  for (const auto* const text :
       {"", "{", "[]", "{}", R"({"top":"/x","head":""})", R"({"top":"/x","head":1,"files":{}})",
        R"({"top":1,"head":"","files":{}})", R"({"top":"/x","head":"","files":[]})",
        R"({"top":"/x","head":"","files":{"a":1}})", R"({"top":"/x","head":"--output=/x","files":{}})"}) {
    CAPTURE(text);
    make_file(file, text);
    CHECK_FALSE(read_snapshot(file));
  }
}
