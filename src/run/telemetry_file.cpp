#include "run/telemetry_file.hpp"

#include <cerrno>
#include <cstdio>
#include <unistd.h>

#include <fmt/format.h>

#include <cobatch/store.hpp>

#include "json/json.hpp"
#include "json/members.hpp"
#include "system/files.hpp"
#include "system/process.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

constexpr std::size_t largest_file = 64 * 1024;

// Never replaces a file that is there.
bool move_to_free_name(const std::filesystem::path& from, const std::filesystem::path& to) {
  return ::link(from.c_str(), to.c_str()) == 0 && ::unlink(from.c_str()) == 0;
}

}  // namespace

std::optional<usage> told_usage(const json::value& told) {
  const auto input = json::number_of(told, "tokens_input");
  const auto output = json::number_of(told, "tokens_output");
  if (!input && !output) return std::nullopt;
  tokens count;
  count.uncached_input = input.value_or(0);
  count.cache_read = json::number_of(told, "tokens_cache_read").value_or(0);
  count.cache_write_5m = json::number_of(told, "tokens_cache_creation").value_or(0);
  count.output = output.value_or(0);
  if (!is_plausible(count)) return std::nullopt;
  const auto in_all = count.uncached_input - count.cache_read - count.cache_write_5m;
  count.uncached_input = json::number_of(told, "tokens_raw_input").value_or(in_all);
  if (!is_plausible(count)) return std::nullopt;
  usage used;
  used.source = usage_source::told;
  used.complete = input && output;
  used.by_model.push_back({{}, count});
  return used;
}

telemetry_file::telemetry_file(const std::filesystem::path& data)
    : file_(data / "last_execution_telemetry.json"),
      claimed_(data / fmt::format(".last_execution_telemetry-{}", ::getpid())) {}

claimed_telemetry telemetry_file::claim(const task_id& task) {
  if (::rename(file_.c_str(), claimed_.c_str()) != 0) return {};
  is_claimed_ = true;
  const auto text = read_file(claimed_, largest_file);
  const auto told = text ? json::parse(*text) : fail(text.error());
  if (told && told->as_object() != nullptr) {
    const std::string of = json::text_of(*told, "task_id");
    if (!of.empty() && of != task.str()) return give_back(), claimed_telemetry{};
    if (auto used = told_usage(*told)) return {std::move(used), {}};
  }
  const auto aside = file_.string() + fmt::format(".unreadable-{}", system_now().ms);
  const bool kept = move_to_free_name(claimed_, aside);
  is_claimed_ = !kept;
  return {
      {},
      {{"telemetry_unreadable",
        fmt::format("data/last_execution_telemetry.json holds no figures that can be read ({}); it was set aside as "
                    "{}, and the tokens of task {} are not known.",
                    told ? "tokens_input and tokens_output are to be whole numbers" : told.error().message,
                    kept ? aside : claimed_.string(), task.str())}}};
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
