#include "workspace/telemetry_file.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

#include <cobatch/store.hpp>

#include "os/files.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_file = 64 * 1024;

// What is written in it; too_large where that cannot be telemetry.
result<json::value> content_of(const fs::path& file) {
  return read_file(file, largest_file).and_then([](const std::string& text) { return json::parse(text); });
}

// The task that it names; empty if it names none.
std::string task_in(const result<json::value>& content) {
  return content ? json::text_of(*content, "task_id") : std::string();
}

bool names_another(const result<json::value>& content, const task_id& task) {
  const std::string named = task_in(content);
  return !named.empty() && named != task.str();
}

// The name that `from` has then, beside `file`; nothing if it could not be moved, for the reason in errno.
std::optional<std::string> set_aside(const fs::path& from, const fs::path& file, std::string_view why) {
  for (std::int64_t number = system_now().ms;; ++number) {
    auto aside = fmt::format("{}.{}-{}", file.string(), why, number);
    errno = move_to_free_name(from, aside);
    if (errno == 0) return aside;
    if (errno != EEXIST) return std::nullopt;
  }
}

// What was loaded anew and not written to the cache. Input has all that was read from the cache in it; where it is less
// than that, it can only be counted without, as the guide does.
std::int64_t rest_of(std::int64_t input, const tokens& cache) {
  const std::int64_t rest = input - cache.cache_read - cache.cache_write_5m;
  return rest >= 0 ? rest : input - cache.cache_write_5m;
}

std::string why_no_usage(const json::value& object) {
  json::told_counts told(max_reported_tokens);
  if (!told.read(object, "tokens_input") && !told.read(object, "tokens_output"))
    return "tokens_input and tokens_output are to be whole numbers, not negative";
  return "more was written to the cache than tokens_input says";
}

std::vector<warning> incomplete_if_so(const usage& used, const task_id& task) {
  if (used.complete) return {};
  return {{"telemetry_incomplete",
           fmt::format("data/last_execution_telemetry.json does not tell all that task {} used: tokens_input and "
                       "tokens_output are to be there, and whole numbers, not negative. What it tells counts as the "
                       "least that was used.",
                       task.str())}};
}

}  // namespace

std::optional<usage> usage_in_telemetry(const json::value& object) {
  json::told_counts told(max_reported_tokens);
  tokens count;
  const auto input = told.read(object, "tokens_input");
  count.cache_read = told.read(object, "tokens_cache_read").value_or(0);
  count.cache_write_5m = told.read(object, "tokens_cache_creation").value_or(0);
  const bool rest_is_known = input && told.all_fit();
  const std::int64_t rest = rest_is_known ? rest_of(*input, count) : 0;
  count.uncached_input = told.read(object, "tokens_raw_input").value_or(rest);
  const auto output = told.read(object, "tokens_output");
  count.output = output.value_or(0);
  if ((!input && !output) || !is_plausible(count)) return std::nullopt;
  return usage{.by_model = {{{}, count}}, .source = usage_source::told, .complete = input && output && told.all_fit()};
}

telemetry_file::telemetry_file(const fs::path& data) : file_(data / "last_execution_telemetry.json") {
  static std::atomic<unsigned> last = 0;  // two tasks may be logged at once
  claimed_ = data / fmt::format(".last_execution_telemetry-{}-{}", ::getpid(), ++last);
}

claimed_telemetry telemetry_file::claim(const task_id& task) {
  // Looked at before it is taken: its own task may be logged at this moment.
  if (names_another(content_of(file_), task) || ::rename(file_.c_str(), claimed_.c_str()) != 0) return {};
  is_claimed_ = true;
  const auto content = content_of(claimed_);
  if (names_another(content, task)) {
    give_back();
    return {};
  }
  if (content && content->as_object() != nullptr)
    if (auto used = usage_in_telemetry(*content)) return {used, incomplete_if_so(*used, task)};
  const auto aside = set_aside(claimed_, file_, "unreadable");
  is_claimed_ = !aside;
  return {
      {},
      {{"telemetry_unreadable",
        fmt::format("data/last_execution_telemetry.json holds no figures that can be read ({}); it was set aside as "
                    "{}, and the tokens of task {} are not known.",
                    content ? why_no_usage(*content) : content.error().message, aside ? *aside : claimed_.string(),
                    task.str())}}};
}

std::vector<warning> telemetry_file::leave_behind(const task_id& next, bool others_in_progress) {
  const auto content = content_of(file_);
  const errc problem = content ? errc::internal : content.error().code;
  if (problem == errc::io_error || problem == errc::not_writable) return {};  // it is not there, or not to be read
  if (!task_in(content).empty() || others_in_progress) return {};
  const auto left = set_aside(file_, file_, "left-over");
  if (!left && errno == ENOENT) return {};  // somebody else has taken it
  const std::string became =
      left ? fmt::format("it is kept as {}. Telemetry is to be written before log_task_completion of its task.", *left)
           : fmt::format(
                 "it could not be given another name ({}), so log_task_completion of {} would take it. Remove "
                 "it, or write that task's telemetry over it.",
                 std::strerror(errno), next.str());
  return {{"telemetry_left_over", fmt::format("data/last_execution_telemetry.json was there before task {} began, so "
                                              "it is not of that task; {}",
                                              next.str(), became)}};
}

std::string telemetry_file::named_task() const { return task_in(content_of(file_)); }

void telemetry_file::use_up() {
  if (is_claimed_) ::unlink(claimed_.c_str());
  is_claimed_ = false;
}

void telemetry_file::give_back() {
  if (is_claimed_ && move_to_free_name(claimed_, file_) != 0) ::unlink(claimed_.c_str());
  is_claimed_ = false;
}

result<void> telemetry_file::write(const task_id& task, const telemetry_figures& told) {
  json::object content{{"task_id", task.str()}, {"tokens_input", told.input}, {"tokens_output", told.output}};
  if (!told.tool.empty()) content.push_back({"tool", told.tool});
  if (!told.action.empty()) content.push_back({"action", told.action});
  return write_file_atomically(file_, json::write_pretty(std::move(content)) + "\n", false);
}

}  // namespace cobatch
