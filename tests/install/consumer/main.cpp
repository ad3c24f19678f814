// A host with an agent of its own, in its own process: consumer FOLDER
#include <iostream>

#include "everything.hpp"

cobatch::settlement settlement_from_another_unit();

namespace {

class own_session final : public cobatch::agent_session {
 public:
  cobatch::turn_report run_turn(const cobatch::turn_request&, std::chrono::milliseconds, std::stop_token) override {
    return {settlement_from_another_unit()};
  }
  void finish() override {}
};

class own_agent final : public cobatch::agent {
 public:
  std::string_view name() const override { return "own"; }
  cobatch::result<std::unique_ptr<cobatch::agent_session>> start(const cobatch::session_start&) override {
    return std::make_unique<own_session>();
  }
  std::optional<cobatch::settlement> recover(const std::filesystem::path&, const cobatch::turn_record&) override {
    return std::nullopt;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || cobatch::version() != COBATCH_VERSION_STRING) return 2;
  cobatch::workspace_options where;
  where.root = argv[1];
  auto place = cobatch::workspace::open(where);
  if (!place) {
    std::cerr << place.error().message << '\n';
    return 1;
  }
  cobatch::assign_request batch;
  for (const char* name : {"one", "two"}) {
    cobatch::task_spec task;
    task.id = cobatch::task_id(name);
    task.description = "Do it";
    batch.tasks.push_back(task);
  }
  batch.whole_batch = true;
  const auto assigned = place->assign(batch);
  if (!assigned) return 1;
  cobatch::engine_options options;
  options.agents.push_back(std::make_shared<own_agent>());
  const auto ran = cobatch::run(*place, options, {}, cobatch::run_until::idle);
  if (!ran) {
    std::cerr << ran.error().message << '\n';
    return 1;
  }
  const auto last = place->task(cobatch::task_id("two"));
  if (!last || !last->result) return 1;
  std::cout << ran->sessions << " session, " << ran->turns << " turns: " << last->result->what.output << '\n';
  return ran->sessions == 1 && ran->turns == 2 ? 0 : 1;
}
