// Structs of other versions: an older one is shorter than the library's, a newer one longer.
#include <algorithm>
#include <cstring>
#include <functional>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

constexpr unsigned char untouched = 0xee;
constexpr std::size_t newer_members = 64;

// A struct of any size, with room behind it.
class any_struct {
 public:
  explicit any_struct(std::size_t size) : bytes_(size + newer_members, untouched) { set_size(size); }

  // As the caller's struct of that size: what is behind it is none of the library's business.
  any_struct(const void* content, std::size_t known, std::size_t size) : any_struct(std::max(known, size)) {
    std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(std::min(known, size)), bytes_.end(), untouched);
    std::memcpy(bytes_.data(), content, std::min(known, size));
    if (size > known) std::memset(bytes_.data() + known, 0, size - known);
    set_size(size);
  }

  void set_size(std::size_t size) {
    const auto number = static_cast<std::uint32_t>(size);
    std::memcpy(bytes_.data(), &number, sizeof number);
  }
  [[nodiscard]] void* data() { return bytes_.data(); }
  [[nodiscard]] unsigned char& at(std::size_t i) { return bytes_[i]; }

  [[nodiscard]] std::size_t size() const {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes_.data(), sizeof number);
    return number;
  }
  [[nodiscard]] bool is_all(unsigned char value, std::size_t from, std::size_t to) const {
    return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(from),
                       bytes_.begin() + static_cast<std::ptrdiff_t>(to),
                       [&](unsigned char byte) { return byte == value; });
  }
  [[nodiscard]] bool untouched_from(std::size_t from) const { return is_all(untouched, from, bytes_.size()); }

 private:
  std::vector<unsigned char> bytes_;
};

// The call that takes or fills a struct.
struct user_of_struct {
  std::string name;
  std::size_t size;  // as this version knows it
  std::function<cobatch_status(void*, cobatch_error**)> use;
};

void check_size_is_refused(const user_of_struct& user, any_struct& given) {
  const auto refused = answer_of([&](cobatch_error** err) { return user.use(given.data(), err); });
  CHECK(refused == COBATCH_E_STRUCT_SIZE);
  CHECK(refused.message.find(user.name) != std::string::npos);
}

void check_record(const user_of_struct& user) {
  INFO(user.name);
  for (std::size_t size = 8; size <= user.size + newer_members / 2; size += 4) {
    INFO(size);
    any_struct record(size);
    CHECK(answer_of([&](cobatch_error** err) { return user.use(record.data(), err); }) == COBATCH_OK);
    CHECK(record.size() == size);
    CHECK(record.untouched_from(size));
    for (std::size_t word = 4; word < std::min(size, user.size); word += 4)
      CHECK_FALSE(record.is_all(untouched, word, word + 4));
    if (size > user.size) CHECK(record.is_all(0, user.size, size));
  }
  for (const std::size_t size : {0, 4, 7}) {
    any_struct record(user.size);
    record.set_size(size);
    check_size_is_refused(user, record);
    CHECK(record.untouched_from(4));
  }
}

template <class Record>
user_of_struct record_of(std::string name, next_function<Record> next,
                         std::function<owned<cobatch_reply>()> make_reply) {
  return {std::move(name), sizeof(Record), [=](void* record, cobatch_error** err) {
            const auto reply = make_reply();
            return next(reply.get(), static_cast<Record*>(record), err);
          }};
}

// An options struct with members set, each of which the library has to take or leave.
struct options_struct {
  user_of_struct user;
  const void* content;
  std::size_t needed;           // with less than this the call cannot be done,
  cobatch_status without_it;    // and answers so;
  std::size_t also_needed = 0;  // with that and less than this it answers otherwise
  cobatch_status without_that = COBATCH_OK;
};

void check_options(const options_struct& options) {
  const user_of_struct& user = options.user;
  INFO(user.name);
  for (std::size_t size = 8; size <= user.size + newer_members; size += 8) {
    INFO(size);
    any_struct given(options.content, user.size, size);
    const auto came = answer_of([&](cobatch_error** err) { return user.use(given.data(), err); });
    CHECK(came == (size < options.needed        ? options.without_it
                   : size < options.also_needed ? options.without_that
                                                : COBATCH_OK));
  }
  for (const std::size_t used : {user.size, user.size + newer_members - 1}) {
    any_struct newer(options.content, user.size, user.size + newer_members);
    newer.at(used) = 1;
    check_size_is_refused(user, newer);
  }
  for (const std::size_t size : {0, 4, 7}) {
    any_struct nobody_initialised(options.content, user.size, user.size);
    nobody_initialised.set_size(size);
    check_size_is_refused(user, nobody_initialised);
  }
}

cobatch_usage some_usage() {
  static const cobatch_model_tokens models[]{{cobatch_str("m"), {1, 2, 3, 4, 5, 0}}};
  cobatch_usage usage = COBATCH_USAGE_INIT;
  usage.models = models;
  usage.model_count = 1;
  usage.has_requests = usage.has_inherited_read = 1;
  usage.requests = usage.inherited_read = 3;
  return usage;
}

// What has no root is opened here.
class current_folder {
 public:
  explicit current_folder(const std::filesystem::path& folder) { std::filesystem::current_path(folder); }
  current_folder(const current_folder&) = delete;
  current_folder& operator=(const current_folder&) = delete;
  ~current_folder() { std::filesystem::current_path(before_); }

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
};

}  // namespace

TEST_CASE("a record is filled as far as the caller's struct goes, and what a later version would add is zeroed") {
  const scratch_workspace place, others;
  assign_all(place, {"a"}, "b1");
  assign_all(place, {"waits"}, "b2", "another");
  list ids;
  for (int i = 0; i < 100; ++i) ids.push_back(std::to_string(i));
  assign_all(others, ids, "b1");
  auto options = fresh<cobatch_session_options>();
  options.max_tasks = 1000;
  const auto session = make<cobatch_session>(cobatch_session_begin, others.handle.get(), &options);
  auto from_the_beginning = fresh<cobatch_events_options>();
  from_the_beginning.flags = COBATCH_EVENTS_RESUME;

  cobatch_workspace* const here = place;
  const auto find_task = [=] { return make<cobatch_reply>(cobatch_find_task, here, cobatch_str("a")); };
  const auto find_batch = [=] { return make<cobatch_reply>(cobatch_find_batch, here, cobatch_str("b2")); };
  const auto overview = [=] { return make<cobatch_reply>(cobatch_overview, here); };
  const auto sessions = [=] { return make<cobatch_reply>(cobatch_list_sessions, here, nullptr); };
  const auto turns = [=] { return make<cobatch_reply>(cobatch_list_turns, here, nullptr); };
  const auto savings = [=] { return make<cobatch_reply>(cobatch_savings, here, cobatch_str("b1")); };

  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    // While a session lives: an engine is there only then.
    check_record(record_of("cobatch_engine_info", cobatch_reply_next_engine, overview));
    check_record(record_of("cobatch_lock_info", cobatch_reply_lock, overview));
    const auto used = some_usage();
    return complete(turn, COBATCH_TURN_DONE, "ok", &used).status;
  });
  run_all(place, works.agent());

  check_record(record_of("cobatch_batch_info", cobatch_reply_next_batch, find_batch));
  check_record(record_of("cobatch_warning_info", cobatch_reply_next_warning, find_batch));
  check_record(record_of("cobatch_task_info", cobatch_reply_next_task, find_task));
  check_record(record_of("cobatch_result_info", cobatch_reply_next_result, find_task));
  check_record(record_of("cobatch_session_info", cobatch_reply_next_session, sessions));
  check_record(record_of("cobatch_turn_info", cobatch_reply_next_turn, turns));
  check_record(record_of("cobatch_account_info", cobatch_reply_next_account, savings));
  check_record(record_of("cobatch_savings_info", cobatch_reply_savings, savings));

  auto where = fresh<cobatch_workspace_options>();
  const std::string root = place.folder.path().native();
  where.root = text(root);
  const auto findings = [&] { return make<cobatch_reply>(cobatch_diagnose, &where, cobatch_str(nullptr)); };
  check_record(record_of("cobatch_finding_info", cobatch_reply_next_finding, findings));

  check_record({"cobatch_event_info", sizeof(cobatch_event_info), [&](void* event, cobatch_error** err) {
                  const auto feed = make<cobatch_events>(cobatch_events_open, here, &from_the_beginning);
                  return cobatch_events_next(feed.get(), static_cast<cobatch_event_info*>(event), err);
                }});
  check_record({"cobatch_session_info", sizeof(cobatch_session_info), [&](void* record, cobatch_error** err) {
                  return cobatch_session_read(session.get(), static_cast<cobatch_session_info*>(record), err);
                }});
  std::int64_t turn = 0;
  check_record({"cobatch_turn_request", sizeof(cobatch_turn_request), [&](void* request, cobatch_error** err) {
                  const auto came =
                      cobatch_session_next(session.get(), static_cast<cobatch_turn_request*>(request), err);
                  if (came != COBATCH_OK) return came;
                  auto completion = fresh<cobatch_completion>();
                  completion.end = COBATCH_TURN_DONE;
                  must(cobatch_session_complete, session.get(), ++turn, &completion, nullptr);
                  return came;
                }});
  const auto agent = works.agent();
  const run_with with(agent);
  check_record({"cobatch_run_report", sizeof(cobatch_run_report), [&](void* report, cobatch_error** err) {
                  return cobatch_run(here, &with.options, static_cast<cobatch_run_report*>(report), err);
                }});
}

TEST_CASE("of an older caller's options the missing ones are defaults, and a newer caller's must be zero") {
  const scratch_workspace place;
  const current_folder within(place.folder.path());
  assign_all(place, {"a"}, "b1");
  cobatch_workspace* const here = place;
  host works;
  const auto agent = works.agent();

  cobatch_workspace_options workspace = COBATCH_WORKSPACE_OPTIONS_INIT;
  const std::string state = (place.folder.path() / "state").native();
  workspace.root = text(place.folder.path().native());
  workspace.state = text(state);
  workspace.max_tasks_per_session = 3;

  const cobatch_text word = cobatch_str("word");
  cobatch_task_spec task = spec("a");
  task.context = cobatch_str("{}");
  task.assigned_by = task.model = cobatch_str("a test");
  task.check = task.tools = {&word, 1};
  task.limit_ms = 10'000;
  cobatch_assign_options assign = for_batch("b2");
  cobatch_budget budget = COBATCH_BUDGET_INIT;
  budget.nano_dollars = budget.tokens = budget.time_ms = 1;
  assign.agent = assign.model = assign.preamble = cobatch_str("another");
  assign.way = COBATCH_WAY_FORK;
  assign.on_error = COBATCH_ON_ERROR_STOP;
  assign.context_files = {&word, 1};
  assign.budget = &budget;

  cobatch_filter filter = COBATCH_FILTER_INIT;
  filter.batch = cobatch_str("b1");
  filter.task = cobatch_str("a");
  filter.session = 1;

  cobatch_claude_options claude = COBATCH_CLAUDE_OPTIONS_INIT;
  claude.allowed_tools = claude.extra_arguments = &word;
  claude.allowed_tool_count = 1;
  claude.extra_argument_count = 1;
  claude.program = claude.model = claude.permission_mode = claude.system_prompt = claude.mcp_config = word;
  claude.tools = {&word, 1};
  claude.max_turns = 1;
  claude.max_nano_dollars = claude.grace_ms = 1;

  cobatch_codex_options codex = COBATCH_CODEX_OPTIONS_INIT;
  codex.program = codex.model = codex.sandbox = word;
  codex.extra_arguments = {&word, 1};
  codex.no_app_server = 1;
  codex.grace_ms = 1;

  cobatch_gemini_options gemini = COBATCH_GEMINI_OPTIONS_INIT;
  gemini.program = gemini.model = gemini.approval_mode = word;
  gemini.extra_arguments = {&word, 1};
  gemini.grace_ms = 1;

  cobatch_prompt_options prompt = COBATCH_PROMPT_OPTIONS_INIT;
  prompt.argv = {&word, 1};
  prompt.call = word;
  prompt.grace_ms = 1;

  cobatch_agent_vtable vtable = host::vtable();
  vtable.destroy = nullptr;

  const run_with with(agent);
  cobatch_run_options run = with.options;
  run.batch = cobatch_str("b1");
  run.working_directory = text(place.folder.path().native());
  run.turn_limit_ms = run.session_limit_ms = run.stop_grace_ms = 10'000;
  run.check_limit_ms = run.quiet_after_ms = run.limit_wait_ms = run.idle_limit_ms = 10'000;
  run.allow_checks = 1;
  const std::string prices = (place.folder.path() / "prices.json").native();
  std::ofstream(prices) << "{}";
  run.prices = text(prices);
  run.day_budget = &budget;

  cobatch_session_options session = COBATCH_SESSION_OPTIONS_INIT;
  session.agent = cobatch_str("mine");
  session.batch = cobatch_str("b1");
  session.turn_limit_ms = session.session_limit_ms = 10'000;
  session.max_tasks = 3;

  cobatch_events_options events = COBATCH_EVENTS_OPTIONS_INIT;
  events.flags = COBATCH_EVENTS_RESUME;

  const auto user = [](const char* name, std::size_t size, auto use) { return user_of_struct{name, size, use}; };
  // The session is first: nobody has worked the batch then.
  const options_struct all[]{
      {user("cobatch_session_options", sizeof session,
            [=](void* options, cobatch_error** err) {
              cobatch_session* begun = nullptr;
              const auto came =
                  cobatch_session_begin(here, static_cast<cobatch_session_options*>(options), &begun, err);
              cobatch_session_free(begun);
              return came;
            }),
       &session, 0, COBATCH_OK},
      {user("cobatch_run_options", sizeof run,
            [=](void* options, cobatch_error** err) {
              return cobatch_run(here, static_cast<cobatch_run_options*>(options), nullptr, err);
            }),
       &run, offsetof(cobatch_run_options, batch), COBATCH_E_BAD_VALUE},
      {user("cobatch_workspace_options", sizeof workspace,
            [=](void* options, cobatch_error** err) {
              cobatch_workspace* opened = nullptr;
              const auto came = cobatch_open(static_cast<cobatch_workspace_options*>(options), &opened, err);
              cobatch_close(opened);
              return came;
            }),
       &workspace, 0, COBATCH_OK},
      {user("cobatch_task_spec", sizeof task,
            [=](void* spec, cobatch_error** err) {
              const scratch_workspace other;
              return cobatch_assign_task(other, static_cast<cobatch_task_spec*>(spec), nullptr, nullptr, err);
            }),
       &task, offsetof(cobatch_task_spec, description), COBATCH_E_BAD_ID, offsetof(cobatch_task_spec, context),
       COBATCH_E_BAD_VALUE},
      {user("cobatch_assign_options", sizeof assign,
            [=](void* options, cobatch_error** err) {
              const scratch_workspace other;
              return cobatch_assign_task(other, &task, static_cast<cobatch_assign_options*>(options), nullptr, err);
            }),
       &assign, 0, COBATCH_OK},
      {user("cobatch_budget", sizeof budget,
            [=](void* cap, cobatch_error** err) {
              const scratch_workspace other;
              auto with_budget = for_batch("b2");
              with_budget.budget = static_cast<cobatch_budget*>(cap);
              return cobatch_assign_task(other, &task, &with_budget, nullptr, err);
            }),
       &budget, 0, COBATCH_OK},
      {user("cobatch_filter", sizeof filter,
            [=](void* wanted, cobatch_error** err) {
              cobatch_reply* reply = nullptr;
              const auto came = cobatch_list_turns(here, static_cast<cobatch_filter*>(wanted), &reply, err);
              cobatch_reply_free(reply);
              return came;
            }),
       &filter, 0, COBATCH_OK},
      {user("cobatch_claude_options", sizeof claude,
            [=](void* options, cobatch_error** err) {
              cobatch_agent* made = nullptr;
              const auto came = cobatch_agent_claude(static_cast<cobatch_claude_options*>(options), &made, err);
              cobatch_agent_free(made);
              return came;
            }),
       &claude, 0, COBATCH_OK},
      {user("cobatch_codex_options", sizeof codex,
            [=](void* options, cobatch_error** err) {
              cobatch_agent* made = nullptr;
              const auto came = cobatch_agent_codex(static_cast<cobatch_codex_options*>(options), &made, err);
              cobatch_agent_free(made);
              return came;
            }),
       &codex, 0, COBATCH_OK},
      {user("cobatch_gemini_options", sizeof gemini,
            [=](void* options, cobatch_error** err) {
              cobatch_agent* made = nullptr;
              const auto came = cobatch_agent_gemini(static_cast<cobatch_gemini_options*>(options), &made, err);
              cobatch_agent_free(made);
              return came;
            }),
       &gemini, 0, COBATCH_OK},
      {user("cobatch_prompt_options", sizeof prompt,
            [=](void* options, cobatch_error** err) {
              cobatch_agent* made = nullptr;
              const auto came = cobatch_agent_prompt(static_cast<cobatch_prompt_options*>(options), &made, err);
              cobatch_agent_free(made);
              return came;
            }),
       &prompt, offsetof(cobatch_prompt_options, call), COBATCH_E_BAD_VALUE},
      {user("cobatch_agent_vtable", sizeof vtable,
            [=](void* calls, cobatch_error** err) {
              cobatch_agent* made = nullptr;
              const auto came = cobatch_agent_host(cobatch_str("mine"), static_cast<cobatch_agent_vtable*>(calls),
                                                   nullptr, &made, err);
              cobatch_agent_free(made);
              return came;
            }),
       &vtable, offsetof(cobatch_agent_vtable, interrupt), COBATCH_E_BAD_VALUE},
      {user("cobatch_events_options", sizeof events,
            [=](void* options, cobatch_error** err) {
              cobatch_events* feed = nullptr;
              const auto came = cobatch_events_open(here, static_cast<cobatch_events_options*>(options), &feed, err);
              cobatch_events_close(feed);
              return came;
            }),
       &events, 0, COBATCH_OK},
  };
  for (const auto& options : all) check_options(options);
}

TEST_CASE("an older or newer completion, and the usage in it, is taken as far as it goes") {
  const scratch_workspace place;
  list ids;
  for (int i = 0; i < 200; ++i) ids.push_back(std::to_string(i));
  assign_all(place, ids, "b1");
  auto options = fresh<cobatch_session_options>();
  options.max_tasks = 1000;
  const auto session = make<cobatch_session>(cobatch_session_begin, place.handle.get(), &options);
  std::int64_t turn = 0;
  const auto complete_with = [&](const cobatch_completion* completion, cobatch_error** err) {
    // The turn of a completion that was refused still runs.
    auto request = fresh<cobatch_turn_request>();
    if (cobatch_session_next(session.get(), &request, nullptr) == COBATCH_OK) turn = request.turn;
    return cobatch_session_complete(session.get(), turn, completion, nullptr, err);
  };

  const cobatch_usage used = some_usage();
  cobatch_completion completion = COBATCH_COMPLETION_INIT;
  completion.end = COBATCH_TURN_DONE;
  completion.reason = completion.detail = completion.output = completion.output_summary = cobatch_str("text");
  completion.actions_taken = completion.errors = cobatch_str("[]");
  completion.usage = &used;
  check_options(
      {{"cobatch_completion", sizeof completion,
        [&](void* given, cobatch_error** err) { return complete_with(static_cast<cobatch_completion*>(given), err); }},
       &completion,
       0,
       COBATCH_OK});
  check_options({{"cobatch_usage", sizeof used,
                  [&](void* given, cobatch_error** err) {
                    cobatch_completion with_usage = COBATCH_COMPLETION_INIT;
                    with_usage.end = COBATCH_TURN_DONE;
                    with_usage.usage = static_cast<cobatch_usage*>(given);
                    return complete_with(&with_usage, err);
                  }},
                 &used,
                 0,
                 COBATCH_OK});
}

TEST_CASE("an array of tasks of another version is read in its caller's steps") {
  const scratch_workspace place;
  const std::size_t older = offsetof(cobatch_task_spec, context), newer = sizeof(cobatch_task_spec) + 16;
  for (const std::size_t step : {older, newer}) {
    std::vector<unsigned char> bytes(3 * step, 0);
    const std::string batch = std::to_string(step);
    const std::string ids[]{batch + " a", batch + " b", batch + " c"};
    for (std::size_t i = 0; i < 3; ++i) {
      auto task = spec(ids[i]);
      task.struct_size = static_cast<std::uint32_t>(step);
      std::memcpy(bytes.data() + i * step, &task, std::min(step, sizeof task));
    }
    const auto* const tasks = reinterpret_cast<const cobatch_task_spec*>(bytes.data());
    const auto options = for_batch(batch);
    must(cobatch_assign_batch, place.handle.get(), tasks, size_t{3}, &options, nullptr);
    CHECK(batch_of(place, batch)->queued == 3);
    CHECK(task_of(place, ids[2])->position == 3);
  }
  cobatch_task_spec mixed[]{spec("x"), spec("y")};
  mixed[1].struct_size -= 8;
  CHECK(call(cobatch_assign_batch, place.handle.get(), mixed, size_t{2}, nullptr, nullptr) == COBATCH_E_STRUCT_SIZE);
}

TEST_CASE("the structs that callbacks get say how large they are") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works([](const cobatch_turn_request& request, cobatch_turn* turn) {
    CHECK(request.struct_size == sizeof request);
    return complete(turn).status;
  });
  works.on_start = [](const cobatch_agent_start& how) {
    CHECK(how.struct_size == sizeof how);
    return COBATCH_OK;
  };
  CHECK(run_all(place, works.agent()).turns == 1);
}

TEST_CASE("an event that there is no room for is not lost") {
  const scratch_workspace place;
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  cobatch_event_info event = COBATCH_EVENT_INFO_INIT;
  event.struct_size = 0;
  CHECK(call(cobatch_events_next, feed.get(), &event) == COBATCH_E_STRUCT_SIZE);
  event.struct_size = sizeof event;
  CHECK(call(cobatch_events_next, feed.get(), &event) == COBATCH_OK);
  CHECK(event.kind == COBATCH_EVENT_CHANGED);
}
