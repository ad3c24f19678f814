#include "workspace/checks.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>
#include <cobatch/host_session.hpp>

#include "base/json.hpp"

namespace cobatch {

namespace {

constexpr std::size_t max_argument_bytes = 64 * 1024;
constexpr std::size_t max_tool_bytes = 1024;
constexpr std::size_t max_path_bytes = 4096;

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

// Looks at what a caller gave, part by part, and keeps the first thing that is wrong.
class checker {
 public:
  // `whose` is `task "a"`, "the batch" or "the completion": for messages.
  explicit checker(std::string whose) : whose_(std::move(whose)) {}
  explicit checker(const task_id& task) : checker(fmt::format("task \"{}\"", task.str())) {}

  // What was checked, if nothing was wrong with it.
  template <class Checked>
  [[nodiscard]] result<Checked> answer(Checked what) {
    if (wrong_) return fail(std::move(*wrong_));
    return what;
  }

  template <class... Args>
  void require(bool is_so, errc code, fmt::format_string<const Args&...> message, const Args&... args) {
    if (!is_so && !wrong_) wrong_ = error{code, fmt::format(message, args...)};
  }

  // An id that was not parsed may be anything.
  template <class Id>
  void id(const Id& id, std::string_view called) {
    if (auto parsed = Id::parse(id.str(), called); !parsed)
      require(false, parsed.error().code, "{}. Nothing was stored", parsed.error().message);
  }

  void text(std::string_view what, std::string_view text, std::size_t limit) {
    require(text.size() <= limit, errc::too_large,
            "the {} of {} has {} bytes; the limit is {}. Nothing was stored; put long material in a file and name the "
            "file",
            what, whose_, text.size(), limit);
    require(wrong_ || is_utf8(text), errc::bad_encoding, "the {} of {} is not valid UTF-8. Nothing was stored", what,
            whose_);
  }

  void line(std::string_view what, std::string_view text, std::size_t limit) {
    this->text(what, text, limit);
    require(wrong_ || is_printable(text), errc::bad_value, "the {} of {} holds a control character. Nothing was stored",
            what, whose_);
  }

  void count(std::string_view what, std::size_t count, std::size_t most) {
    require(count <= most, errc::too_large, "{} has {} {}; the limit is {}. Nothing was stored", whose_, count, what,
            most);
  }

  void not_empty(std::string_view what, std::string_view text) {
    require(!text.empty(), errc::bad_value, "a {} of {} is empty. Nothing was stored; leave it out", what, whose_);
  }

  // Nobody could do what a blank one says.
  void description(std::string_view description, bool may_be_blank) {
    text("description", description, max_description_bytes);
    require(wrong_ || may_be_blank || !is_blank(description), errc::bad_value,
            "the description of {} is blank. Nothing was stored; say what is to be done", whose_);
  }

  // Brings it to one line.
  void context(std::string& context) {
    text("context", context, max_context_bytes);
    if (wrong_ || context.empty()) return;
    if (const auto parsed = json::parse(context))
      context = json::write(*parsed);
    else
      require(false, errc::bad_json, "the context of {} is not JSON: {}. Nothing was stored", whose_,
              parsed.error().message);
  }

  void numbers(const task_spec& task) {
    require(task.max_attempts >= 1 && task.max_attempts <= most_attempts, errc::bad_value,
            "max_attempts of {} is {}; it is to be 1 to {}. Nothing was stored", whose_, task.max_attempts,
            most_attempts);
    require(task.limit >= task.limit.zero() && task.limit <= longest_time_limit, errc::bad_value,
            "the time limit of {} is {} ms; it is to be at most {} s, or 0 for the engine's. Nothing was stored",
            whose_, task.limit.count(), longest_time_limit.count());
  }

  void needs(const task_spec& task) {
    count("needs", task.needs.size(), most_needs);
    std::unordered_set<std::string_view> seen;
    for (const auto& need : task.needs) {
      if (wrong_) return;
      id(need, "a need of " + whose_);
      require(need != task.id, errc::bad_value, "{} needs itself, so it could never run. Nothing was stored", whose_);
      require(seen.insert(need.str()).second, errc::bad_value,
              "{} needs \"{}\" twice. Nothing was stored; name it once", whose_, need.str());
    }
  }

  // Arguments may hold line breaks, but no zero byte: the system's calls end there.
  void command(const std::vector<std::string>& check) {
    count("words in its check", check.size(), most_check_arguments);
    for (const auto& word : check) {
      if (wrong_) return;
      not_empty("word in the check", word);
      text("check", word, max_argument_bytes);
      require(word.find('\0') == std::string::npos, errc::bad_value,
              "the check of {} holds a zero byte. Nothing was stored", whose_);
    }
  }

  void tools(const std::vector<std::string>& tools) {
    count("tools", tools.size(), most_tools);
    for (const auto& tool : tools) {
      if (wrong_) return;
      not_empty("tool", tool);
      line("tools", tool, max_tool_bytes);
    }
  }

  void shared(const preamble& shared) {
    text("preamble", shared.text, max_preamble_bytes);
    count("context files", shared.files.size(), most_preamble_files);
    for (const auto& file : shared.files) {
      if (wrong_) return;
      line("context files", file, max_path_bytes);
      require(
          stays_below(file), errc::bad_value,
          "the context file \"{}\" of {} is not a path below the agent's folder; give one that is relative, without "
          "\"..\" and empty parts. Nothing was stored",
          file, whose_);
    }
  }

  void settings(const batch_settings& settings) {
    line("model", settings.model, max_id_bytes);
    const auto& budget = settings.budget;
    require(!budget || (budget->nano_dollars >= 0 && budget->tokens >= 0 && budget->time >= budget->time.zero()),
            errc::bad_value, "the budget of {} is negative; 0 is no limit. Nothing was stored", whose_);
  }

  // Members of a record that was adopted. Brings them to one line.
  void extra(std::string& extra) {
    if (wrong_ || extra.empty()) return;
    const auto parsed = json::parse(extra);
    const bool is_object = parsed && parsed->as_object() != nullptr;
    require(is_object, errc::bad_json, "the further members of {} are not a JSON object. Nothing was stored", whose_);
    if (is_object) extra = json::write(*parsed);
  }

  [[nodiscard]] bool found_wrong() const { return wrong_.has_value(); }
  void wrong_if(const error& why) { require(false, why.code, "{}: {}", whose_, why.message); }

 private:
  std::string whose_;
  std::optional<error> wrong_;
};

// ------------------------------------------------------------------------------------------------- completions

constexpr std::string_view again = "Nothing was stored; complete the turn again";

void check_texts(const settlement& what, checker& is) {
  std::vector<std::pair<std::string_view, std::string_view>> texts{
      {"reason", what.reason},
      {"detail", what.detail},
      {"output", what.output},
      {"output_summary", what.output_summary},
      {"actions_taken", what.actions_taken},
      {"errors", what.errors},
  };
  if (what.used)
    for (const auto& entry : what.used->by_model) texts.emplace_back("a model's name", entry.model);
  std::size_t bytes = 0;
  for (const auto& [name, text] : texts) {
    bytes += text.size();
    is.require(bytes <= max_completion_bytes, errc::too_large,
               "the texts of the completion have more than {} bytes. {}, with less", max_completion_bytes, again);
    if (is.found_wrong()) return;
    is.require(is_utf8(text), errc::bad_encoding, "{} of the completion is not valid UTF-8. {}", name, again);
  }
}

void check_usage(const settlement& what, checker& is) {
  if (!what.used) return;
  for (const auto& entry : what.used->by_model)
    is.require(is_plausible(entry.count), errc::bad_value, "a token count of the completion is below 0 or above {}. {}",
               max_reported_tokens, again);
}

void to_one_line(std::string& text, std::string_view name, bool as_array, checker& is) {
  if (text.empty() || is.found_wrong()) return;
  const auto parsed = json::parse(text);
  if (!parsed)
    return is.require(false, errc::bad_json, "{} of the completion is not JSON: {}. {}", name, parsed.error().message,
                      again);
  is.require(!as_array || parsed->as_array() != nullptr, errc::bad_json, "{} of the completion is {}, not an array. {}",
             name, parsed->kind(), again);
  text = json::write(*parsed);
}

}  // namespace

result<task_spec> check_task(task_spec task, task_state state) {
  checker is(task.id);
  is.id(task.id, "task_id");
  is.description(task.description, has_ended(state));
  is.line("assigned_by", task.assigned_by, max_id_bytes);
  is.line("model", task.model, max_id_bytes);
  is.numbers(task);
  is.needs(task);
  is.command(task.check);
  is.tools(task.tools);
  is.context(task.context);
  return is.answer(std::move(task));
}

result<task_changes> check_changes(const task_id& task, task_changes changes) {
  checker is(task);
  is.require(changes != task_changes{}, errc::bad_value,
             "nothing of task \"{}\" is to be changed; give a description, a context or a priority", task.str());
  if (changes.description) is.description(*changes.description, false);
  if (changes.context) is.context(*changes.context);
  return is.answer(std::move(changes));
}

result<assign_request> check_assign(assign_request request) {
  checker is("the batch");
  is.require(!request.tasks.empty(), errc::bad_value, "no task was given. Nothing was stored");
  is.require(request.tasks.size() <= max_batch_tasks, errc::too_large,
             "{} tasks were given; a batch holds at most {}. Nothing was stored", request.tasks.size(),
             max_batch_tasks);
  if (request.batch) is.id(*request.batch, "batch_id");
  if (!request.agent.empty()) is.id(agent_name(request.agent), "the agent's name");
  is.settings(request.settings);
  is.shared(request.shared);
  std::unordered_set<std::string_view> ids;
  for (auto& task : request.tasks) {
    if (is.found_wrong()) break;
    auto checked = check_task(std::move(task), task_state::queued);
    if (!checked) return fail(checked.error());
    task = std::move(*checked);
    is.require(ids.insert(task.id.str()).second, errc::duplicate_in_batch,
               "task_id \"{}\" stands twice in this call. Nothing was stored; give each task an id of its own",
               task.id.str());
  }
  return is.answer(std::move(request));
}

result<adopted_task> check_adopted(adopted_task given) {
  checker is(given.task.spec.id);
  auto spec = check_task(std::move(given.task.spec), given.task.state);
  if (!spec) return fail(spec.error());
  given.task.spec = std::move(*spec);
  if (const auto batch = batch_id::parse(given.task.batch.str()); !batch)
    is.wrong_if({batch.error().code, batch.error().message + ". Nothing was stored"});
  is.extra(given.task.extra);
  if (!given.result) return is.answer(std::move(given));
  is.extra(given.result->extra);
  if (auto what = check_completion(std::move(given.result->what)))
    given.result->what = std::move(*what);
  else
    is.wrong_if(what.error());
  return is.answer(std::move(given));
}

bool may_complete_with(turn_end end) noexcept { return end != turn_end::interrupted && end != turn_end::cancelled; }

result<settlement> check_completion(settlement what) {
  checker is("the completion");
  is.require(may_complete_with(what.end), errc::bad_value,
             "a host completes a turn as done, error, denied, broke, timed_out or stopped. {}", again);
  check_texts(what, is);
  check_usage(what, is);
  to_one_line(what.actions_taken, "actions_taken", true, is);
  to_one_line(what.errors, "errors", false, is);
  return is.answer(std::move(what));
}

}  // namespace cobatch
