// A real workspace in a folder of its own, requests to it, and a stand-in for the engine.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/protocol.hpp>
#include <cobatch/store.hpp>
#include <cobatch/workspace.hpp>

#include "base/json.hpp"
#include "base/text.hpp"
#include "os/guard.hpp"
#include "store/store.hpp"
#include "unit/scratch_folder.hpp"

namespace cobatch_test {

using namespace cobatch;

using folder = scratch_folder;

/// A reply, parsed.
struct parsed_reply {
  reply_kind kind;
  json::value body;

  [[nodiscard]] std::string text(std::string_view name) const {
    const json::value* found = body.find(name);
    return found != nullptr && found->as_string() != nullptr ? *found->as_string() : std::string();
  }
  [[nodiscard]] std::int64_t number(std::string_view name) const {
    const json::value* found = body.find(name);
    return found != nullptr && found->as_int() != nullptr ? *found->as_int() : -1;
  }
  [[nodiscard]] bool flag(std::string_view name) const {
    const json::value* found = body.find(name);
    return found != nullptr && found->as_bool() != nullptr && *found->as_bool();
  }
  [[nodiscard]] const json::array& list(std::string_view name) const {
    static const json::array empty;
    const json::value* found = body.find(name);
    return found != nullptr && found->as_array() != nullptr ? *found->as_array() : empty;
  }
  /// A member of a member: `in("tally", "done")`.
  [[nodiscard]] const json::value* in(std::string_view outer, std::string_view inner) const {
    const json::value* found = body.find(outer);
    return found == nullptr ? nullptr : found->find(inner);
  }
  [[nodiscard]] bool warns(std::string_view code) const {
    for (const auto& entry : list("warnings"))
      if (const auto* c = entry.find("code"); c != nullptr && *c == json::value(code)) return true;
    return false;
  }
  [[nodiscard]] bool says(std::string_view part) const { return text("message").find(part) != std::string::npos; }
};

class fixture {
 public:
  fixture() : place_(open(folder_)) {}

  workspace& place() { return place_; }

  parsed_reply send(std::string_view request, std::stop_token stop = {}) {
    const reply answered = handle_request(place_, request, std::move(stop));
    auto parsed = json::parse(answered.json);
    REQUIRE_MESSAGE(parsed, answered.json);
    CHECK_MESSAGE(answered.json.find('\n') == std::string::npos, "a reply is one line");
    parsed_reply said{answered.kind, std::move(*parsed)};
    CHECK_MESSAGE(said.text("message") == sentence(said.text("message")), "a message is a sentence");
    return said;
  }
  /// `params` as JSON text.
  parsed_reply ask(std::string_view action, std::string_view params = "{}", std::stop_token stop = {}) {
    return send(R"({"tool_name":"claude_assistant","action":")" + std::string(action) + R"(","params":)" +
                    std::string(params) + "}",
                std::move(stop));
  }

  std::int64_t stored_tasks() {
    const auto status = place_.status();
    REQUIRE(status);
    return status->all.tally.total();
  }

  /// Starts a session for the next batch, as an engine would, and holds the lock for it.
  session_record begin_session() {
    auto opened = guard::open(place_.paths().state);
    REQUIRE(opened);
    lock_ = std::move(*opened);
    REQUIRE(*lock_->try_acquire());
    claim_request wanted;
    wanted.nonce = "nonce-" + std::to_string(++nonces_);
    wanted.owner = {"boot", 1, 1, 1};
    wanted.serves = {{"test"}, "test"};
    const auto claimed = place_.storage().claim(wanted);
    REQUIRE(claimed);
    REQUIRE(claimed->what == claim_outcome::kind::claimed);
    ordinal_ = 0;
    return claimed->session;
  }
  begin_outcome begin_preamble(epoch session) { return begin_turn(session, true); }
  begin_outcome begin_turn(epoch session, bool preamble = false) {
    begin_request wanted;
    wanted.session = session;
    wanted.preamble = preamble;
    wanted.ordinal = ++ordinal_;
    wanted.process_turn = ordinal_;
    const auto begun = place_.storage().begin_turn(wanted);
    REQUIRE(begun);
    return *begun;
  }
  void settle(const turn_record& turn, turn_end end, const std::string& output) {
    settlement what;
    what.end = end;
    what.output = output;
    what.output_summary = "summary of " + turn.task.str();
    what.used = usage{{{"model", {.cache_write_5m = 100, .output = 7}}}};
    REQUIRE(place_.storage().settle_turn(turn.session, turn.turn, what));
  }
  /// Runs the next batch to its end, every task with this end.
  void run_next_batch(turn_end end = turn_end::done) {
    const session_record session = begin_session();
    for (;;) {
      const begin_outcome begun = begin_turn(session.id);
      if (begun.what != begin_outcome::kind::begun) break;
      settle(begun.turn, end, "output of " + begun.task.spec.id.str());
    }
    REQUIRE(place_.storage().end_session(session.id, session_end::finished, ""));
    lock_.reset();
  }
  /// What the death of orchestrator and keeper leaves: the session's row, and nobody with the lock.
  void kill_session() { lock_.reset(); }

 private:
  static workspace open(const folder& where) {
    workspace_options options;
    options.root = where.path();
    auto opened = workspace::open(options);
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
    return std::move(*opened);
  }

  folder folder_;
  workspace place_;
  std::optional<guard> lock_;
  int nonces_ = 0;
  std::int64_t ordinal_ = 0;
};

inline std::string task(std::string_view id, std::string_view more = "") {
  return R"({"task_id":")" + std::string(id) + R"(","description":"do )" + std::string(id) + "\"" + std::string(more) +
         "}";
}

}  // namespace cobatch_test
