// A workspace in a scratch folder, and an agent made of a function.
#pragma once

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/engine.hpp>
#include <cobatch/workspace.hpp>

#include "unit/scratch_folder.hpp"

namespace cobatch_test {

using namespace cobatch;

using list = std::vector<std::string>;

inline workspace open_workspace(const std::filesystem::path& root) {
  auto place = workspace::open({.root = root});
  REQUIRE_MESSAGE(place, place.error().message);
  return std::move(*place);
}

inline task_spec spec(const std::string& id) {
  task_spec task;
  task.id = task_id(id);
  task.description = "do " + id;
  return task;
}

inline assign_reply assign(workspace& place, const std::string& id, const std::string& batch, bool seal) {
  assign_request request;
  request.batch = batch_id(batch);
  request.tasks = {spec(id)};
  request.seal = seal;
  auto reply = place.assign(request);
  REQUIRE_MESSAGE(reply, reply.error().message);
  return std::move(*reply);
}

inline void assign_all(workspace& place, const std::vector<std::string>& ids, const std::string& batch) {
  assign_request request;
  request.batch = batch_id(batch);
  for (const auto& id : ids) request.tasks.push_back(spec(id));
  request.whole_batch = true;
  const auto reply = place.assign(request);
  REQUIRE_MESSAGE(reply, reply.error().message);
}

inline task_record task_of(workspace& place, const std::string& id) {
  const auto status = place.task(task_id(id));
  REQUIRE_MESSAGE(status, status.error().message);
  return status->task;
}

inline batch_record batch_of(workspace& place, const std::string& id) {
  const auto status = place.batch(batch_id(id));
  REQUIRE_MESSAGE(status, status.error().message);
  return status->batch;
}

inline settlement done(std::string output = "ok") {
  settlement what;
  what.end = turn_end::done;
  what.output = std::move(output);
  return what;
}

/// What a test's agent does in a turn.
using turn_fn = std::function<turn_report(const turn_request&, const std::stop_token&)>;

/// An agent in this process. It counts what happens to it.
class function_agent final : public agent {
 public:
  explicit function_agent(turn_fn turn, std::string name = "function")
      : turn_(std::move(turn)), name_(std::move(name)) {}

  std::string_view name() const override { return name_; }

  result<std::unique_ptr<agent_session>> start(const session_start& how) override {
    if (fail_start) return fail(errc::agent_missing, "no such program: nothing was started");
    ++starts;
    sessions.push_back(how.session);
    return std::make_unique<session>(*this);
  }

  std::optional<settlement> recover(const std::filesystem::path&, const turn_record&) override { return std::nullopt; }

  bool fail_start = false;
  int starts = 0;
  int finishes = 0;
  std::vector<epoch> sessions;
  std::vector<std::string> asked;  // task ids in order

 private:
  class session final : public agent_session {
   public:
    explicit session(function_agent& owner) : owner_(owner) {}
    turn_report run_turn(const turn_request& request, std::chrono::milliseconds, std::stop_token interrupt) override {
      owner_.asked.push_back(request.task.str());
      return owner_.turn_(request, interrupt);
    }
    void finish() override { ++owner_.finishes; }

   private:
    function_agent& owner_;
  };

  turn_fn turn_;
  std::string name_;
};

inline std::shared_ptr<function_agent> agent_that(turn_fn turn) {
  return std::make_shared<function_agent>(std::move(turn));
}

inline std::shared_ptr<function_agent> agent_that_does_all() {
  return agent_that([](const turn_request& r, const std::stop_token&) {
    return turn_report{done("did " + r.task.str()), true};
  });
}

/// Waits for the interruption of a turn.
inline void await(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait(lock, token, [] { return false; });
}

inline engine_options options_with(const std::shared_ptr<agent>& a) {
  engine_options options;
  options.agents = {a};
  options.linger = std::chrono::milliseconds{0};
  return options;
}

inline run_report run_until_idle(workspace& place, const engine_options& options) {
  auto report = run(place, options, {}, run_until::idle);
  REQUIRE_MESSAGE(report, report.error().message);
  return *report;
}

/// Puts an empty folder in the place of `data/`; where the old one is now.
inline std::filesystem::path replace_data(workspace& place) {
  // The views' thread has nothing left to write that it could bring to the new folder.
  static_cast<void>(place.refresh_views());
  const auto moved = place.paths().root / "moved";
  std::filesystem::rename(place.paths().data, moved);
  std::filesystem::create_directory(place.paths().data);
  return moved;
}

}  // namespace cobatch_test
