#include "program/hurried_agent.hpp"

#include <semaphore>
#include <thread>

#include <doctest/doctest.h>

namespace cobatch_test {

using namespace cobatch;

namespace {

// Its turns last until they are interrupted.
class endless_agent final : public agent {
 public:
  std::string_view name() const override { return "endless"; }
  result<std::unique_ptr<agent_session>> start(const session_start&) override {
    return std::make_unique<session>(begun);
  }
  std::optional<settlement> recover(const std::filesystem::path&, const turn_record&) override {
    return settlement{.end = turn_end::done};
  }

  std::binary_semaphore begun{0};

 private:
  class session final : public agent_session {
   public:
    explicit session(std::binary_semaphore& begun) : begun_(begun) {}
    turn_report run_turn(const turn_request&, std::chrono::milliseconds, std::stop_token interrupt) override {
      std::binary_semaphore interrupted{0};
      const std::stop_callback on_stop(interrupt, [&] { interrupted.release(); });
      begun_.release();
      interrupted.acquire();
      return {{.end = turn_end::stopped}};
    }
    void finish() override {}

   private:
    std::binary_semaphore& begun_;
  };
};

}  // namespace

TEST_CASE("a running turn ends when hurry is requested, and when the engine interrupts it") {
  for (const bool by_hurry : {true, false}) {
    CAPTURE(by_hurry);
    auto inner = std::make_shared<endless_agent>();
    std::stop_source hurry, interrupt;
    const auto agent = program::hurried(inner, hurry.get_token());
    CHECK(agent->name() == "endless");
    CHECK(agent->recover("", {})->end == turn_end::done);
    auto session = agent->start({});
    REQUIRE(session);
    std::jthread stopper([&] {
      inner->begun.acquire();
      (by_hurry ? hurry : interrupt).request_stop();
    });
    CHECK((*session)->run_turn({}, std::chrono::hours{1}, interrupt.get_token()).what.end == turn_end::stopped);
    (*session)->finish();
  }
}

}  // namespace cobatch_test
