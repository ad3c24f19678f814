#include "run/telemetry_file.hpp"

#include <cerrno>
#include <cstdio>
#include <unistd.h>

#include <fmt/format.h>

#include <cobatch/store.hpp>

#include "json/counts.hpp"
#include "json/json.hpp"
#include "json/members.hpp"
#include "system/files.hpp"
#include "system/process.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

constexpr std::size_t largest_file = 64 * 1024;

// What is written in it; too_large where that cannot be telemetry.
result<json::value> told_in(const std::filesystem::path& file) {
  const auto text = read_file(file, largest_file);
  if (!text) return fail(text.error());
  return json::parse(*text);
}

// Never replaces a file that is there.
bool move_to_free_name(const std::filesystem::path& from, const std::filesystem::path& to) {
  return ::link(from.c_str(), to.c_str()) == 0 && ::unlink(from.c_str()) == 0;
}

}  // namespace

std::optional<usage> told_usage(const json::value& object) {
  json::told_counts told(max_reported_tokens);
  tokens count;
  const auto input = told.read(object, "tokens_input");
  count.cache_read = told.read(object, "tokens_cache_read").value_or(0);
  count.cache_write_5m = told.read(object, "tokens_cache_creation").value_or(0);
  const bool rest_is_known = input && told.all_fit();
  const std::int64_t rest = rest_is_known ? *input - count.cache_read - count.cache_write_5m : 0;
  count.uncached_input = told.read(object, "tokens_raw_input").value_or(rest);
  const auto output = told.read(object, "tokens_output");
  count.output = output.value_or(0);
  if (!input && !output) return std::nullopt;
  if (!is_plausible(count)) return std::nullopt;
  usage used;
  used.source = usage_source::told;
  used.complete = input && output && told.all_fit();
  used.by_model.push_back({{}, count});
  return used;
}

telemetry_file::telemetry_file(const std::filesystem::path& data)
    : file_(data / "last_execution_telemetry.json"),
      claimed_(data / fmt::format(".last_execution_telemetry-{}", ::getpid())) {}

claimed_telemetry telemetry_file::claim(const task_id& task) {
  if (::rename(file_.c_str(), claimed_.c_str()) != 0) return {};
  is_claimed_ = true;
  const auto told = told_in(claimed_);
  if (told && told->as_object() != nullptr) {
    const std::string of = json::text_of(*told, "task_id");
    if (!of.empty() && of != task.str()) return give_back(), claimed_telemetry{};
    if (auto used = told_usage(*told)) return {std::move(used), {}};
  }
  const auto aside = file_.string() + fmt::format(".unreadable-{}", system_now().ms);
  const bool kept = move_to_free_name(claimed_, aside);
  is_claimed_ = !kept;
  return {{},
          {{"telemetry_unreadable",
            fmt::format(
                "data/last_execution_telemetry.json holds no figures that can be read ({}); it was set aside as "
                "{}, and the tokens of task {} are not known.",
                told ? "tokens_input and tokens_output are to be whole numbers, not negative" : told.error().message,
                kept ? aside : claimed_.string(), task.str())}}};
}

std::vector<warning> telemetry_file::leave_behind(const task_id& next) {
  const auto told = told_in(file_);
  const errc problem = told ? errc::internal : told.error().code;
  if (problem == errc::io_error || problem == errc::not_writable) return {};  // it is not there, or not to be read
  if (told && json::text_of(*told, "task_id") == next.str()) return {};
  const auto left = file_.string() + ".left-over";
  if (::rename(file_.c_str(), left.c_str()) != 0) return {};
  return {{"telemetry_left_over",
           fmt::format("data/last_execution_telemetry.json was there before task {} began, so it is not of that task; "
                       "it is kept as {}. Telemetry is to be written before log_task_completion of its task.",
                       next.str(), left)}};
}

void telemetry_file::use_up() {
  if (is_claimed_) ::unlink(claimed_.c_str());
  is_claimed_ = false;
}

void telemetry_file::give_back() {
  if (is_claimed_ && !move_to_free_name(claimed_, file_)) ::unlink(claimed_.c_str());
  is_claimed_ = false;
}

result<void> telemetry_file::write(const task_id& task, const told_tokens& told) {
  json::object content{{"task_id", task.str()}, {"tokens_input", told.input}, {"tokens_output", told.output}};
  if (!told.tool.empty()) content.push_back({"tool", told.tool});
  if (!told.action.empty()) content.push_back({"action", told.action});
  return write_file_atomically(file_, json::write_pretty(std::move(content)) + "\n", false);
}

}  // namespace v1
}  // namespace cobatch
