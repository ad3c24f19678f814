// An agent of the host for tests: its callbacks are functions, and it notes who called when.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "capi/support.hpp"

namespace cobatch_test {

inline answer complete(cobatch_turn* turn, std::int32_t end = COBATCH_TURN_DONE, std::string_view output = "ok",
                       const cobatch_usage* usage = nullptr) {
  auto completion = fresh<cobatch_completion>();
  completion.end = end;
  completion.output = text(output);
  completion.usage = usage;
  return call(cobatch_turn_complete, turn, &completion);
}

class host {
 public:
  using turn_function = std::function<cobatch_status(const cobatch_turn_request&, cobatch_turn*)>;

  explicit host(turn_function turn = [](const cobatch_turn_request&, cobatch_turn* t) { return complete(t).status; })
      : on_turn(std::move(turn)) {}
  host(const host&) = delete;
  host& operator=(const host&) = delete;

  turn_function on_turn;
  std::function<cobatch_status(const cobatch_agent_start&)> on_start = [](const auto&) { return COBATCH_OK; };
  std::function<void()> on_interrupt = [] {};
  std::function<void()> on_stop = [] {};
  std::function<void()> on_destroy = [] {};

  [[nodiscard]] static cobatch_agent_vtable vtable() {
    auto calls = fresh<cobatch_agent_vtable>();
    calls.start = start;
    calls.turn = turn;
    calls.interrupt = interrupt;
    calls.stop = stop;
    calls.destroy = destroy;
    return calls;
  }

  /// The host outlives the agent.
  [[nodiscard]] owned<cobatch_agent> agent(std::string_view name = "host") {
    const auto calls = vtable();
    return make<cobatch_agent>(cobatch_agent_host, text(name), &calls, static_cast<void*>(this));
  }

  /// Such as "start 1", "turn 1 a", "interrupt 1", "stop 1", "destroy"; the number is the session's, in this host.
  [[nodiscard]] list calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  static host& self(void* user_data) { return *static_cast<host*>(user_data); }

  static cobatch_status start(void* user_data, const cobatch_agent_start* how, void** session) {
    host& h = self(user_data);
    *session = &h.note_start();
    return h.on_start(*how);
  }
  static cobatch_status turn(void* user_data, void* session, const cobatch_turn_request* request, cobatch_turn* turn) {
    self(user_data).note("turn", session, copy_of(request->task));
    return self(user_data).on_turn(*request, turn);
  }
  static void interrupt(void* user_data, void* session) {
    self(user_data).note("interrupt", session);
    self(user_data).on_interrupt();
  }
  static void stop(void* user_data, void* session) {
    self(user_data).note("stop", session);
    self(user_data).on_stop();
  }
  static void destroy(void* user_data) {
    self(user_data).note("destroy");
    self(user_data).on_destroy();
  }

  // The session's number, at an address that is given back to us.
  int& note_start() {
    const std::lock_guard lock(mutex_);
    sessions_.push_back(std::make_unique<int>(static_cast<int>(sessions_.size()) + 1));
    calls_.push_back("start " + std::to_string(*sessions_.back()));
    return *sessions_.back();
  }

  void note(std::string what, const void* session = nullptr, const std::string& task = {}) {
    if (session != nullptr) what += " " + std::to_string(*static_cast<const int*>(session));
    if (!task.empty()) what += " " + task;
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(what));
  }

  mutable std::mutex mutex_;
  list calls_;
  std::vector<std::unique_ptr<int>> sessions_;
};

/// What one thread waits for until another says that it is so.
class flag {
 public:
  void raise() {
    {
      const std::lock_guard lock(mutex_);
      up_ = true;
    }
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return up_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool up_ = false;
};

/// A host whose turns last until they are interrupted.
class endless_host : public host {
 public:
  endless_host()
      : host([this](const cobatch_turn_request&, cobatch_turn* turn) {
          begun.raise();
          interrupted.wait();
          CHECK(cobatch_turn_interrupted(turn) == 1);
          return COBATCH_OK;
        }) {
    on_interrupt = [this] { interrupted.raise(); };
  }

  flag begun, interrupted;
};

/// Options with one agent; the agent outlives them.
class run_with {
 public:
  explicit run_with(const owned<cobatch_agent>& agent) : agent_(agent.get()) {
    options.agents = &agent_;
    options.agent_count = 1;
    options.linger_ms = -1;
  }
  run_with(const run_with&) = delete;
  run_with& operator=(const run_with&) = delete;

  cobatch_run_options options = fresh<cobatch_run_options>();

 private:
  cobatch_agent* agent_;
};

inline answer run(cobatch_workspace* place, const cobatch_run_options& options) {
  return call(cobatch_run, place, &options, nullptr);
}

/// Runs what is sealed until nothing is left.
inline cobatch_run_report run_all(cobatch_workspace* place, const owned<cobatch_agent>& agent) {
  const run_with with(agent);
  auto report = fresh<cobatch_run_report>();
  must(cobatch_run, place, &with.options, &report);
  return report;
}

/// The agent that plays a script: a JSON text, put into a file of the folder.
inline owned<cobatch_agent> scripted(const std::filesystem::path& folder, std::string_view script) {
  const auto file = folder / "script.json";
  std::ofstream(file) << script;
  return make<cobatch_agent>(cobatch_agent_scripted, text(file.native()));
}

}  // namespace cobatch_test
