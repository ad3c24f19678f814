#include "program/hurried_agent.hpp"

#include <utility>

namespace cobatch::program {

namespace {

class hurried_session final : public agent_session {
 public:
  hurried_session(std::unique_ptr<agent_session> inner, std::stop_token hurry)
      : inner_(std::move(inner)), hurry_(std::move(hurry)) {}

  turn_report run_turn(const turn_request& request, std::chrono::milliseconds limit,
                       std::stop_token interrupt) override {
    std::stop_source either;
    const auto pass_on = [&either] { either.request_stop(); };
    const std::stop_callback on_interrupt(interrupt, pass_on);
    const std::stop_callback on_hurry(hurry_, pass_on);
    return inner_->run_turn(request, limit, either.get_token());
  }

  void finish() override { inner_->finish(); }

 private:
  std::unique_ptr<agent_session> inner_;
  std::stop_token hurry_;
};

class hurried_agent final : public agent {
 public:
  hurried_agent(std::shared_ptr<agent> inner, std::stop_token hurry)
      : inner_(std::move(inner)), hurry_(std::move(hurry)) {}

  std::string_view name() const override { return inner_->name(); }

  result<std::unique_ptr<agent_session>> start(const session_start& how) override {
    auto started = inner_->start(how);
    if (!started) return fail(std::move(started.error()));
    return std::make_unique<hurried_session>(std::move(*started), hurry_);
  }

  std::optional<settlement> recover(const std::filesystem::path& folder, const turn_record& turn) override {
    return inner_->recover(folder, turn);
  }

 private:
  std::shared_ptr<agent> inner_;
  std::stop_token hurry_;
};

}  // namespace

std::shared_ptr<agent> hurried(std::shared_ptr<agent> inner, std::stop_token hurry) {
  return std::make_shared<hurried_agent>(std::move(inner), std::move(hurry));
}

}  // namespace cobatch::program
