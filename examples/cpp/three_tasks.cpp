// Three tasks as one batch, done by a program that speaks the line protocol: three_tasks ./agent.py
#include <iostream>

#include <cobatch/engine.hpp>

int main(int argc, char** argv) {
  auto place = cobatch::workspace::open({.root = "."}).value();
  auto agent = cobatch::make_command_agent({.argv = {argv + 1, argv + argc}});
  auto batch = place
                   .assign({.tasks = {{cobatch::task_id("doc_1"), "Document feature A"},
                                      {cobatch::task_id("doc_2"), "Document feature B"},
                                      {cobatch::task_id("doc_3"), "Document feature C"}},
                            .whole_batch = true})
                   .value()
                   .outcome.batch.id;
  auto ran = cobatch::run(place, {.agents = {agent}}, {}, cobatch::run_until::idle).value();
  auto tasks = place.tasks({.batch = batch}).value();
  std::cout << "sessions: " << ran.sessions << '\n';
  for (const auto& task : tasks) std::cout << task.spec.id.str() << ": " << name_of(task.state) << '\n';
}
