#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <cobatch/core/id.hpp>

#include "os/descriptor.hpp"
#include "os/files.hpp"
#include "views/view_files.hpp"

namespace cobatch {
namespace {

namespace fs = std::filesystem;

fs::path beside(const fs::path& path, std::string_view ending) {
  return path.parent_path() / ("." + path.filename().string() + std::string(ending));
}

// Lets two names change places; the errno if that failed. COBATCH_NO_RENAME_EXCHANGE: as if the system could not, for
// tests.
int exchange_names(const fs::path& a, const fs::path& b) {
  if (std::getenv("COBATCH_NO_RENAME_EXCHANGE") != nullptr) return ENOTSUP;
#if defined(__linux__) && defined(RENAME_EXCHANGE)
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0 ? 0 : errno;
#elif defined(__APPLE__)
  return ::renamex_np(a.c_str(), b.c_str(), RENAME_SWAP) == 0 ? 0 : errno;
#else
  return ENOTSUP;
#endif
}

bool is_empty_file(const fs::path& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0;
}

bool has_text(const fs::path& path, std::int64_t digest, std::size_t size) {
  const auto stamp = stamp_of(path);
  std::error_code ignored;
  if (!stamp || stamp->size != static_cast<std::int64_t>(size) ||
      !fs::is_regular_file(fs::symlink_status(path, ignored)))
    return false;
  const auto text = read_file(path, size);
  return text && digest_of(*text) == digest;
}

class replacement {
 public:
  replacement(const fs::path& path, std::vector<written_file>& ours, timestamp now, std::vector<warning>& warnings)
      : path_(path), fresh_(beside(path, ".new")), ours_(ours), now_(now), warnings_(warnings) {}

  result<void> run(std::string_view text, const std::function<result<void>()>& remember) {
    if (auto done = settle(fresh_); !done) return done;
    const auto part = beside(path_, ".part");
    auto written = write_part(part, text);
    if (!written) return fail(written.error());
    std::erase_if(ours_, [&](const written_file& f) { return !is_ours(path_, {f}); });
    ours_.push_back(*written);
    if (auto done = remember(); !done) return done;
    if (::rename(part.c_str(), fresh_.c_str()) != 0) return fail(system_error(errno, "replace", path_));
    if (auto done = put_in_place(); !done) return done;
    if (auto done = settle(fresh_); !done) return done;
    ours_ = {*written};
    return {};
  }

 private:
  result<written_file> write_part(const fs::path& part, std::string_view text) {
    ::unlink(part.c_str());  // what a crash has left; only we write there
    const unique_fd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.open()) return fail(system_error(errno, "write", path_));
    const auto give_up = [&](error e) {
      ::unlink(part.c_str());
      return fail(std::move(e));
    };
    if (auto done = write_all(fd.get(), text, path_); !done) return give_up(done.error());
    const auto stamp = stamp_of(fd.get());
    if (!stamp) return give_up(system_error(errno, "write", path_));
    return written_file{*stamp, digest_of(text)};
  }

  // The new file gets the view's name; what had the name gets the new file's.
  result<void> put_in_place() {
    int failed = exchange_names(fresh_, path_);
    if (failed == ENOENT) failed = move_to_free_name(fresh_, path_);
    if (failed == EEXIST) failed = exchange_names(fresh_, path_);
    if (failed == 0) return {};
    if (is_foreign(path_))
      if (auto done = set_aside(path_); !done) return done;
    if (::rename(fresh_.c_str(), path_.c_str()) != 0) return fail(system_error(errno, "replace", path_));
    return {};
  }

  // Removes a file of ours; keeps any other under a name of its own.
  result<void> settle(const fs::path& file) {
    if (!stamp_of(file)) return {};
    if (is_foreign(file)) return set_aside(file);
    if (::unlink(file.c_str()) != 0) return fail(system_error(errno, "replace", path_));
    return {};
  }

  // Something is there, and it is not ours to lose.
  [[nodiscard]] bool is_foreign(const fs::path& file) const {
    return stamp_of(file) && !is_ours(file, ours_) && !is_empty_file(file);
  }

  result<void> set_aside(const fs::path& file) {
    const auto kept = keep_aside(file, path_, now_);
    if (!kept) return fail(kept.error());
    warnings_.push_back({"view_edited", path_.string() +
                                            " was written by something other than Cobatch. It is kept as " +
                                            kept->filename().string() +
                                            "; this file only shows what the store holds, and editing it changes "
                                            "nothing."});
    return {};
  }

  const fs::path& path_;
  const fs::path fresh_;
  std::vector<written_file>& ours_;
  timestamp now_;
  std::vector<warning>& warnings_;
};

}  // namespace

std::string moment_text(timestamp moment) {
  return make_batch_id(moment).str().substr(std::string_view("batch_").size());
}

result<fs::path> keep_aside(const fs::path& file, const fs::path& view, timestamp now) {
  const std::string name = view.string() + std::string(set_aside_mark) + moment_text(now);
  for (int n = 1; n < 1000; ++n) {
    fs::path kept = n == 1 ? name : name + "-" + std::to_string(n);
    const int failed = move_to_free_name(file, kept);
    if (failed == 0) return kept;
    if (failed != EEXIST) return fail(system_error(failed, "keep under another name what is in", view));
  }
  return fail(errc::io_error, "could not keep under another name what is in " + view.string() +
                                  ": there are a thousand such files of this second already");
}

bool is_ours(const fs::path& path, const std::vector<written_file>& ours) {
  const auto stamp = stamp_of(path);
  if (!stamp) return false;
  return std::any_of(ours.begin(), ours.end(), [&](const written_file& f) {
    return f.stamp == *stamp || has_text(path, f.digest, static_cast<std::size_t>(f.stamp.size));
  });
}

result<void> replace_view(const fs::path& path, std::string_view text, std::vector<written_file>& ours,
                          const std::function<result<void>()>& remember, timestamp now,
                          std::vector<warning>& warnings) {
  return replacement(path, ours, now, warnings).run(text, remember);
}

}  // namespace cobatch
