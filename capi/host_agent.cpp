#include "host_agent.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include <cobatch/core/text.hpp>

#include "agents.hpp"
#include "layout.hpp"
#include "os/process.hpp"
#include "records.hpp"
#include "text.hpp"
#include "workspace/checks.hpp"

/// A turn that a callback works.
struct cobatch_turn {
  const std::function<void(const cobatch::event&)>& on_event;
  cobatch::birthplace home = {};
  std::mutex mutex = {};
  std::optional<cobatch::settlement> completion = {};
  std::atomic<bool> interrupted = false;
};

namespace cobatch::capi {

namespace {

struct host_calls {
  cobatch_agent_vtable table;
  void* user_data;
};

// Tells the turn that it ought to return: at its limit, or when the engine wants it to.
class turn_watch {
 public:
  turn_watch(const host_calls& host, void* session, cobatch_turn& turn, std::chrono::milliseconds limit,
             std::stop_token interrupt)
      : thread_(start_own_thread([&host, session, &turn, limit, interrupt = std::move(interrupt), this] {
          const auto deadline = std::chrono::steady_clock::now() + limit;
          {
            std::unique_lock lock(mutex_);
            if (changed_.wait_until(lock, interrupt, deadline, [this] { return over_; })) return;
            timed_out_ = !interrupt.stop_requested();
          }
          turn.interrupted = true;
          if (host.table.interrupt != nullptr) tell_host([&] { host.table.interrupt(host.user_data, session); });
        })) {}

  ~turn_watch() {
    if (thread_.joinable()) finish();
  }

  /// The turn has returned: the host is not told any more. True if its limit was over.
  bool finish() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
    return timed_out_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool over_ = false;
  bool timed_out_ = false;
  std::jthread thread_;
};

settlement without_completion(cobatch_status status, bool interrupted, bool timed_out) {
  settlement what;
  what.source = status_source::cobatch;
  if (timed_out) {
    what.end = turn_end::timed_out;
    what.detail = "the host's agent had not completed the task when its time was over";
  } else if (interrupted) {
    what.end = turn_end::stopped;
    what.detail = "the host's agent was interrupted";
  } else if (status == COBATCH_OK) {
    what.reason = "no_completion";
    what.detail = "the host's agent returned without completing the task";
  } else {
    what.reason = "agent_failed";
    what.detail = "the host's agent failed in this turn (it returned " + std::to_string(status) + ")";
  }
  return what;
}

class host_agent_session final : public agent_session {
 public:
  host_agent_session(const host_calls& host, void* session, std::function<void(const cobatch::event&)> on_event)
      : host_(host), session_(session), on_event_(std::move(on_event)) {}
  ~host_agent_session() override { finish(); }

  turn_report run_turn(const turn_request& request, std::chrono::milliseconds limit,
                       std::stop_token interrupt) override {
    try {
      return call_turn(request, limit, std::move(interrupt));
    } catch (const std::exception& e) {
      turn_report report;
      report.what.reason = "agent_failed";
      report.what.source = status_source::cobatch;
      report.what.detail = std::string("the turn of the host's agent could not be watched: ") + e.what();
      report.usable = false;
      return report;
    }
  }

  void finish() override {
    if (std::exchange(finished_, true) || host_.table.stop == nullptr) return;
    tell_host([&] { host_.table.stop(host_.user_data, session_); });
  }

 private:
  turn_report call_turn(const turn_request& request, std::chrono::milliseconds limit, std::stop_token interrupt) {
    cobatch_turn turn{on_event_};
    cobatch_turn_request shown = info_of(request);
    shown.limit_ms = limit.count();
    turn_watch watch(host_, session_, turn, limit, std::move(interrupt));
    const cobatch_status status = call_host([&] { return host_.table.turn(host_.user_data, session_, &shown, &turn); });
    const bool timed_out = watch.finish();
    return report_of(turn, status, timed_out);
  }

  static turn_report report_of(cobatch_turn& turn, cobatch_status status, bool timed_out) {
    turn_report report;
    if (!turn.completion) {
      report.what = without_completion(status, turn.interrupted, timed_out);
    } else {
      report.what = std::move(*turn.completion);
      if (status != COBATCH_OK) {
        // What it cost and said is kept; the host's own word that it failed stands.
        report.what.end = turn_end::broke;
        report.what.reason = "agent_failed";
      }
    }
    report.usable = status == COBATCH_OK && (turn.completion || turn.interrupted) && !timed_out;
    return report;
  }

  const host_calls& host_;
  void* session_;
  std::function<void(const cobatch::event&)> on_event_;
  bool finished_ = false;
};

class host_agent final : public agent {
 public:
  host_agent(std::string name, const host_calls& host) : name_(std::move(name)), host_(host) {}
  ~host_agent() override {
    if (host_.table.destroy != nullptr) tell_host([this] { host_.table.destroy(host_.user_data); });
  }

  std::string_view name() const override { return name_; }

  result<std::unique_ptr<agent_session>> start(const session_start& how) override {
    void* session = nullptr;
    if (host_.table.start != nullptr) {
      const std::string folder = how.working_directory.native();
      const cobatch_agent_start shown{sizeof shown, lend(how.batch.str()), lend(folder), how.session.value,
                                      how.process};
      const auto status = call_host([&] { return host_.table.start(host_.user_data, &shown, &session); });
      if (status != COBATCH_OK)
        return fail(errc::agent_failed, "agent \"" + name_ + "\" of the host could not be started (it returned " +
                                            std::to_string(status) + ")");
    }
    return std::make_unique<host_agent_session>(host_, session, how.on_event);
  }

  // It died with its process and left nothing to read.
  std::optional<settlement> recover(const std::filesystem::path&, const turn_record&) override { return std::nullopt; }

 private:
  std::string name_;
  host_calls host_;
};

}  // namespace

std::shared_ptr<agent> make_host_agent(std::string name, const cobatch_agent_vtable& calls, void* user_data) {
  return std::make_shared<host_agent>(std::move(name), host_calls{calls, user_data});
}

}  // namespace cobatch::capi

using namespace cobatch::capi;

cobatch_status cobatch_agent_host(cobatch_text name, const cobatch_agent_vtable* vtable, void* user_data,
                                  cobatch_agent** agent, cobatch_error** err) {
  if (agent != nullptr) *agent = nullptr;
  cobatch_agent_vtable calls = COBATCH_AGENT_VTABLE_INIT;
  bool taken = false;  // whether user_data has found its owner
  const auto status = guarded(err, [&]() -> verdict {
    if (vtable == nullptr) return null_argument("vtable");
    if (auto v = take(vtable, "cobatch_agent_vtable", calls); v.failed()) return v;
    if (agent == nullptr) return null_argument("agent");
    if (calls.turn == nullptr) return null_argument("turn of cobatch_agent_vtable");
    cobatch::agent_name own;
    if (auto v = take_id(name, "name", own); v.failed()) return v;
    if (auto v = check_host_name(own.str()); v.failed()) return v;
    auto handle = std::make_unique<cobatch_agent>();
    handle->drives = make_host_agent(own.str(), calls, user_data);
    taken = true;
    *agent = handle.release();
    return {};
  });
  if (!taken && calls.destroy != nullptr) tell_host([&] { calls.destroy(user_data); });
  return status;
}

cobatch_status cobatch_turn_complete(cobatch_turn* turn, const cobatch_completion* completion, cobatch_error** err) {
  return on_handle(turn, "turn", err, [&]() -> verdict {
    cobatch::settlement given;
    if (auto v = take_completion(completion, given); v.failed()) return v;
    auto checked = cobatch::check_completion(std::move(given));
    if (!checked) return checked.error();
    const std::lock_guard lock(turn->mutex);
    if (turn->completion) return {COBATCH_E_ALREADY_COMPLETED, "the turn was completed before; that stands"};
    turn->completion = std::move(*checked);
    return {};
  });
}

cobatch_status cobatch_turn_progress(cobatch_turn* turn, cobatch_text line, cobatch_error** err) {
  constexpr std::size_t longest = 64 * 1024;
  return on_handle(turn, "turn", err, [&]() -> verdict {
    line.size = std::min(line.size, longest);
    std::string text;
    if (auto v = take_text(line, "line", text); v.failed()) return v;
    const std::string said = cobatch::to_utf8(text);
    if (turn->on_event) turn->on_event({.what = cobatch::event::kind::progress, .text = std::string(said)});
    return {};
  });
}

int32_t cobatch_turn_interrupted(const cobatch_turn* turn) {
  return turn != nullptr && turn->home.here() && turn->interrupted ? 1 : 0;
}
