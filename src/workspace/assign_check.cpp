#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "base/json.hpp"
#include "workspace/checks.hpp"

namespace cobatch {

namespace {

constexpr std::size_t max_argument_bytes = 64 * 1024;
constexpr std::size_t max_tool_bytes = 1024;
constexpr std::size_t max_path_bytes = 4096;

std::string whose_task(const task_id& task) {
  return fmt::format("task \"{}\"", task.str());
}

// `whose` is `task "a"` or "the batch": for messages.
result<void> check_text(const std::string& whose, std::string_view what, std::string_view text, std::size_t limit) {
  if (text.size() > limit)
    return fail(errc::too_large, fmt::format("the {} of {} has {} bytes; the limit is {}. Nothing was stored; put long "
                                             "material in a file and name the file",
                                             what, whose, text.size(), limit));
  if (!is_utf8(text))
    return fail(errc::bad_encoding, fmt::format("the {} of {} is not valid UTF-8. Nothing was stored", what, whose));
  return {};
}

result<void> check_line(const std::string& whose, std::string_view what, std::string_view text, std::size_t limit) {
  if (auto ok = check_text(whose, what, text, limit); !ok) return ok;
  if (is_printable(text)) return {};
  return fail(errc::bad_value, fmt::format("the {} of {} holds a control character. Nothing was stored", what, whose));
}

result<void> check_count(const std::string& whose, std::string_view what, std::size_t count, std::size_t most) {
  if (count <= most) return {};
  return fail(errc::too_large,
              fmt::format("{} has {} {}; the limit is {}. Nothing was stored", whose, count, what, most));
}

// An id that was not parsed may be anything.
template <class Id>
result<void> check_id(const Id& id, std::string_view called) {
  if (auto parsed = Id::parse(id.str(), called); !parsed)
    return fail(parsed.error().code, parsed.error().message + ". Nothing was stored");
  return {};
}

result<void> not_empty(const std::string& whose, std::string_view what, std::string_view text) {
  if (!text.empty()) return {};
  return fail(errc::bad_value, fmt::format("a {} of {} is empty. Nothing was stored; leave it out", what, whose));
}

result<void> check_needs(const std::string& whose, const task_spec& task) {
  if (auto ok = check_count(whose, "needs", task.needs.size(), most_needs); !ok) return ok;
  std::unordered_set<std::string_view> seen;
  for (const auto& need : task.needs) {
    if (auto ok = check_id(need, "a need of " + whose); !ok) return ok;
    if (need == task.id)
      return fail(errc::bad_value, fmt::format("{} needs itself, so it could never run. Nothing was stored", whose));
    if (!seen.insert(need.str()).second)
      return fail(errc::bad_value,
                  fmt::format("{} needs \"{}\" twice. Nothing was stored; name it once", whose, need.str()));
  }
  return {};
}

// Arguments may hold line breaks, but no zero byte: the system's calls end there.
result<void> check_command(const std::string& whose, const std::vector<std::string>& check) {
  if (auto ok = check_count(whose, "words in its check", check.size(), most_check_arguments); !ok) return ok;
  for (const auto& word : check) {
    if (auto ok = not_empty(whose, "word in the check", word); !ok) return ok;
    if (auto ok = check_text(whose, "check", word, max_argument_bytes); !ok) return ok;
    if (word.find('\0') != std::string::npos)
      return fail(errc::bad_value, fmt::format("the check of {} holds a zero byte. Nothing was stored", whose));
  }
  return {};
}

result<void> check_tools(const std::string& whose, const std::vector<std::string>& tools) {
  if (auto ok = check_count(whose, "tools", tools.size(), most_tools); !ok) return ok;
  for (const auto& tool : tools) {
    if (auto ok = not_empty(whose, "tool", tool); !ok) return ok;
    if (auto ok = check_line(whose, "tools", tool, max_tool_bytes); !ok) return ok;
  }
  return {};
}

result<void> check_numbers(const std::string& whose, const task_spec& task) {
  if (task.max_attempts < 1 || task.max_attempts > most_attempts)
    return fail(errc::bad_value, fmt::format("max_attempts of {} is {}; it is to be 1 to {}. Nothing was stored", whose,
                                             task.max_attempts, most_attempts));
  if (task.limit < task.limit.zero() || task.limit > longest_time_limit)
    return fail(errc::bad_value, fmt::format("the time limit of {} is {} ms; it is to be at most {} s, or 0 for the "
                                             "engine's. Nothing was stored",
                                             whose, task.limit.count(), longest_time_limit.count()));
  return {};
}

result<void> check_context(const std::string& whose, std::string& context) {
  if (auto ok = check_text(whose, "context", context, max_context_bytes); !ok) return ok;
  if (context.empty()) return {};
  const auto parsed = json::parse(context);
  if (!parsed)
    return fail(errc::bad_json,
                fmt::format("the context of {} is not JSON: {}. Nothing was stored", whose, parsed.error().message));
  context = json::write(*parsed);
  return {};
}

// What a path says by itself; whether the file is there shows when the session starts.
bool stays_below(std::string_view path) {
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

result<void> check_preamble(const std::string& whose, const preamble& shared) {
  if (auto ok = check_text(whose, "preamble", shared.text, max_preamble_bytes); !ok) return ok;
  if (auto ok = check_count(whose, "context files", shared.files.size(), most_preamble_files); !ok) return ok;
  for (const auto& file : shared.files) {
    if (auto ok = check_line(whose, "context files", file, max_path_bytes); !ok) return ok;
    if (!stays_below(file))
      return fail(errc::bad_value, fmt::format("the context file \"{}\" of {} is not a path below the agent's folder; "
                                               "give one that is relative, without \"..\" and empty parts. Nothing was "
                                               "stored",
                                               file, whose));
  }
  return {};
}

result<void> check_settings(const std::string& whose, const batch_settings& settings) {
  if (auto ok = check_line(whose, "model", settings.model, max_id_bytes); !ok) return ok;
  const auto& budget = settings.budget;
  if (budget && (budget->nano_dollars < 0 || budget->tokens < 0 || budget->time < budget->time.zero()))
    return fail(errc::bad_value, fmt::format("the budget of {} is negative; 0 is no limit. Nothing was stored", whose));
  return {};
}

// Nobody could do what a blank one says.
result<void> check_description(const std::string& whose, std::string_view description, bool may_be_blank) {
  if (auto ok = check_text(whose, "description", description, max_description_bytes); !ok) return ok;
  if (may_be_blank || !is_blank(description)) return {};
  return fail(errc::bad_value,
              fmt::format("the description of {} is blank. Nothing was stored; say what is to be done", whose));
}

result<void> check_batch(const assign_request& request) {
  if (request.batch)
    if (auto ok = check_id(*request.batch, "batch_id"); !ok) return ok;
  if (!request.agent.empty())
    if (auto ok = check_id(agent_name(request.agent), "the agent's name"); !ok) return ok;
  const std::string whose = "the batch";
  if (auto ok = check_settings(whose, request.settings); !ok) return ok;
  return check_preamble(whose, request.shared);
}

}  // namespace

result<task_spec> check_task(task_spec task, task_state state) {
  if (auto ok = check_id(task.id, "task_id"); !ok) return fail(ok.error());
  const std::string whose = whose_task(task.id);
  if (auto ok = check_description(whose, task.description, has_ended(state)); !ok) return fail(ok.error());
  if (auto ok = check_line(whose, "assigned_by", task.assigned_by, max_id_bytes); !ok) return fail(ok.error());
  if (auto ok = check_line(whose, "model", task.model, max_id_bytes); !ok) return fail(ok.error());
  if (auto ok = check_numbers(whose, task); !ok) return fail(ok.error());
  if (auto ok = check_needs(whose, task); !ok) return fail(ok.error());
  if (auto ok = check_command(whose, task.check); !ok) return fail(ok.error());
  if (auto ok = check_tools(whose, task.tools); !ok) return fail(ok.error());
  if (auto ok = check_context(whose, task.context); !ok) return fail(ok.error());
  return task;
}

result<task_changes> check_changes(const task_id& task, task_changes changes) {
  const std::string whose = whose_task(task);
  if (changes == task_changes{})
    return fail(errc::bad_value,
                fmt::format("nothing of {} is to be changed; give a description, a context or a priority", whose));
  if (changes.description)
    if (auto ok = check_description(whose, *changes.description, false); !ok) return fail(ok.error());
  if (changes.context)
    if (auto ok = check_context(whose, *changes.context); !ok) return fail(ok.error());
  return changes;
}

result<assign_request> check_assign(assign_request request) {
  if (request.tasks.empty()) return fail(errc::bad_value, "no task was given. Nothing was stored");
  if (request.tasks.size() > max_batch_tasks)
    return fail(errc::too_large, fmt::format("{} tasks were given; a batch holds at most {}. Nothing was stored",
                                             request.tasks.size(), max_batch_tasks));
  if (auto ok = check_batch(request); !ok) return fail(ok.error());
  std::unordered_set<std::string_view> ids;
  for (auto& task : request.tasks) {
    auto checked = check_task(std::move(task), task_state::queued);
    if (!checked) return fail(checked.error());
    task = std::move(*checked);
    if (!ids.insert(task.id.str()).second)
      return fail(errc::duplicate_in_batch,
                  fmt::format("task_id \"{}\" stands twice in this call. Nothing was stored; give each task an id of "
                              "its own",
                              task.id.str()));
  }
  return request;
}

}  // namespace cobatch
