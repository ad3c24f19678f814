// Sequences of calls of the C interface: a letter a line says which, and the rest of the line is what it is given.
#include <algorithm>
#include <utility>
#include <vector>

#include "cobatch.h"
#include "fuzz.hpp"

using cobatch_fuzz::ensure;

namespace {

cobatch_text text(std::string_view lent) { return {lent.data(), lent.size()}; }

class host {
 public:
  explicit host(const std::filesystem::path& root) : root_(root) { open(); }
  host(const host&) = delete;
  host& operator=(const host&) = delete;
  ~host() {
    cobatch_session_free(session_);
    cobatch_events_close(events_);
    cobatch_close(place_);
  }

  void call(char what, std::string_view given) {
    cobatch_error* err = nullptr;
    cobatch_reply* reply = nullptr;
    const cobatch_status status = made(what, given, &reply, &err);
    const bool failed = status != COBATCH_OK && status != COBATCH_E_END;
    ensure(failed == (err != nullptr), "a failure, and nothing else, has an error");
    ensure(!failed || cobatch_error_message(err).size > 0, "an error has a message");
    cobatch_error_free(err);
    read(reply);
    cobatch_reply_free(reply);
  }

 private:
  cobatch_status made(char what, std::string_view given, cobatch_reply** reply, cobatch_error** err) {
    cobatch_completion completion = COBATCH_COMPLETION_INIT;
    switch (what) {
      case 'a':
      case 'b': return assign(what == 'b', given, reply, err);
      case 's': return cobatch_seal(place_, text(given), reply, err);
      case 'x': return cobatch_execute_queue(place_, text(given), reply, err);
      case 'c': return cobatch_cancel(place_, text(given), reply, err);
      case 'r': return cobatch_reset(place_, text(given), reply, err);
      case 'y': return cobatch_retry(place_, text(given), reply, err);
      case 'f': return cobatch_find_task(place_, text(given), reply, err);
      case 'g': return cobatch_find_batch(place_, text(given), reply, err);
      case 'l': return list(given, reply, err);
      case 'o':
        cobatch_close(place_);
        open();
        return COBATCH_OK;
      case 'j': return ask(given, err);
      case 'B': return session_ == nullptr ? cobatch_session_begin(place_, nullptr, &session_, err) : COBATCH_OK;
      case 'F': cobatch_session_free(std::exchange(session_, nullptr)); return COBATCH_OK;
      case 'v': return next_event(err);
      default: break;
    }
    if (session_ == nullptr) return COBATCH_OK;
    switch (what) {
      case 'n': return next_turn(err);
      case 'C':
        completion.end = given.size() % 10;
        completion.output = text(given);
        return cobatch_session_complete(session_, turn_, &completion, reply, err);
      case 'e':
        return cobatch_session_extend(session_, turn_, static_cast<std::int64_t>(given.size()) * 1000, nullptr, err);
      case 'E': return cobatch_session_end(session_, err);
      default: return COBATCH_OK;
    }
  }

  void open() {
    cobatch_workspace_options options = COBATCH_WORKSPACE_OPTIONS_INIT;
    options.root = text(root_.native());
    ensure(cobatch_open(&options, &place_, nullptr) == COBATCH_OK, "a workspace is opened");
  }

  // Words: the batch, the tasks; each is described by the whole.
  cobatch_status assign(bool whole, std::string_view given, cobatch_reply** reply, cobatch_error** err) {
    cobatch_assign_options options = COBATCH_ASSIGN_OPTIONS_INIT;
    std::vector<cobatch_task_spec> tasks;
    tasks.reserve(given.size());  // what they need points at them
    for (std::string_view rest = given; !rest.empty();) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      if (options.batch.data == nullptr) {
        options.batch = text(word);
        continue;
      }
      cobatch_task_spec task = COBATCH_TASK_SPEC_INIT;
      task.id = text(word);
      task.description = text(given);
      if (!tasks.empty()) task.needs = {&tasks.front().id, 1};
      tasks.push_back(task);
    }
    if (whole) return cobatch_assign_batch(place_, tasks.data(), tasks.size(), &options, reply, err);
    options.flags = COBATCH_ASSIGN_KEEP_OPEN;
    const cobatch_task_spec none = COBATCH_TASK_SPEC_INIT;
    return cobatch_assign_task(place_, tasks.empty() ? &none : tasks.data(), &options, reply, err);
  }

  cobatch_status list(std::string_view given, cobatch_reply** reply, cobatch_error** err) {
    cobatch_filter filter = COBATCH_FILTER_INIT;
    filter.batch = text(given.substr(std::min<std::size_t>(1, given.size())));
    const cobatch_filter* const which = filter.batch.size == 0 ? nullptr : &filter;
    switch (given.empty() ? '\0' : given.front()) {
      case 't': return cobatch_list_tasks(place_, which, reply, err);
      case 'r': return cobatch_list_results(place_, which, reply, err);
      case 'u': return cobatch_list_turns(place_, which, reply, err);
      case 's': return cobatch_list_sessions(place_, which, reply, err);
      default: return cobatch_list_batches(place_, nullptr, reply, err);
    }
  }

  cobatch_status ask(std::string_view request, cobatch_error** err) {
    // wait_batch would wait, and may be written with escapes.
    if (request.find("wait") != request.npos || request.find("\\u") != request.npos) return COBATCH_OK;
    cobatch_owned_text said = {};
    const cobatch_status status = cobatch_call(place_, text(request), &said, nullptr, err);
    ensure(status != COBATCH_OK || (said.size > 0 && said.data[0] == '{'), "a reply is an object");
    cobatch_text_free(&said);
    return status;
  }

  cobatch_status next_event(cobatch_error** err) {
    if (events_ == nullptr) return cobatch_events_open(place_, nullptr, &events_, err);
    cobatch_event_info event = COBATCH_EVENT_INFO_INIT;
    return cobatch_events_next(events_, &event, err);
  }

  cobatch_status next_turn(cobatch_error** err) {
    cobatch_turn_request request = COBATCH_TURN_REQUEST_INIT;
    const cobatch_status status = cobatch_session_next(session_, &request, err);
    if (status == COBATCH_OK) turn_ = request.turn;
    return status;
  }

  template <class Record>
  static void take_all(cobatch_reply* reply, cobatch_status (*next)(cobatch_reply*, Record*, cobatch_error**),
                       Record record) {
    for (int i = 0; i < 10'000; ++i)
      if (const cobatch_status status = next(reply, &record, nullptr); status != COBATCH_OK) {
        ensure(status == COBATCH_E_END, "a list has an end");
        return;
      }
    ensure(false, "a list has an end");
  }

  static void read(cobatch_reply* reply) {
    if (reply == nullptr) return;
    take_all<cobatch_batch_info>(reply, cobatch_reply_next_batch, COBATCH_BATCH_INFO_INIT);
    take_all<cobatch_task_info>(reply, cobatch_reply_next_task, COBATCH_TASK_INFO_INIT);
    take_all<cobatch_result_info>(reply, cobatch_reply_next_result, COBATCH_RESULT_INFO_INIT);
    take_all<cobatch_turn_info>(reply, cobatch_reply_next_turn, COBATCH_TURN_INFO_INIT);
    take_all<cobatch_session_info>(reply, cobatch_reply_next_session, COBATCH_SESSION_INFO_INIT);
    take_all<cobatch_warning_info>(reply, cobatch_reply_next_warning, COBATCH_WARNING_INFO_INIT);
  }

  std::filesystem::path root_;
  cobatch_workspace* place_ = nullptr;
  cobatch_session* session_ = nullptr;
  cobatch_events* events_ = nullptr;
  std::int64_t turn_ = 0;
};

}  // namespace

FUZZ_TARGET(capi) {
  const cobatch_fuzz::scratch folder;
  host caller(folder.path());
  for (int calls = 0; !input.empty() && calls < 50; ++calls) {
    const std::string_view line = cobatch_fuzz::take_line(input);
    if (!line.empty()) caller.call(line.front(), line.substr(1));
  }
}
