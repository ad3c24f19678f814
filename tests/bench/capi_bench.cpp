// What the C interface costs, against the least that could be done instead, both in one run on one disk.
//
//   capi_bench [FOLDER]          reads through cobatch_call, assigns through cobatch_assign_task
//   capi_bench --assign FOLDER   for another program to compare with: for each line "N" on standard input, N durable
//                                assigns through the C interface; answers the time of each in nanoseconds, on a line
//
// Blocks of both sides alternate, so that both meet the same machine.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>
#include <unistd.h>

#include <cobatch/workspace.hpp>

#include "base/json.hpp"
#include "cobatch.h"
#include "measure.hpp"
#include "store/store.hpp"

namespace {

using namespace cobatch;
using namespace cobatch::bench;

// Takes the error by its address: the call that sets it is the argument before.
void check(cobatch_status status, cobatch_error* const* err) {
  if (status != COBATCH_OK) give_up(cobatch_error_message(*err).data);
}

cobatch_text text(const std::string& s) { return {s.data(), s.size()}; }

cobatch_workspace* open_by_c(const std::string& folder) {
  cobatch_workspace_options where = COBATCH_WORKSPACE_OPTIONS_INIT;
  where.root = text(folder);
  cobatch_workspace* ws = nullptr;
  cobatch_error* err = nullptr;
  check(cobatch_open(&where, &ws, &err), &err);
  return ws;
}

const std::string description(250, 'd');

void assign_by_c(cobatch_workspace* ws, const std::string& id) {
  cobatch_task_spec task = COBATCH_TASK_SPEC_INIT;
  cobatch_assign_options options = COBATCH_ASSIGN_OPTIONS_INIT;
  task.id = text(id);
  task.description = text(description);
  options.batch = cobatch_str("bench");
  options.flags = COBATCH_ASSIGN_KEEP_OPEN;
  cobatch_error* err = nullptr;
  check(cobatch_assign_task(ws, &task, &options, nullptr, &err), &err);
}

void assign_by_cpp(workspace& place, const std::string& id) {
  assign_request request;
  request.batch = batch_id("bench");
  request.seal = false;
  task_spec task;
  task.id = task_id(id);
  task.description = description;
  request.tasks.push_back(task);
  must(place.assign(request));
}

void reads(const std::string& folder) {
  std::printf("cobatch_call that reads a task, against the store's own reads and the parsing of the request\n");
  auto place = must(workspace::open({.root = folder}));
  cobatch_workspace* ws = open_by_c(folder);
  for (int i = 0; i < 1000; ++i) assign_by_c(ws, "t" + std::to_string(i));
  sample call_times, least_times;
  for (int round = 0; round < 200; ++round)
    for (int i = 0; i < 20; ++i) {
      const std::string id = "t" + std::to_string((round * 20 + i) % 1000);
      const std::string request =
          R"({"tool_name":"claude_assistant","action":"check_task_status","params":{"task_id":")" + id + R"("}})";
      least_times.add(time_of([&] {
        must(json::parse(request));
        must(place.storage().find_task(task_id(id)));
        must(place.storage().find_result(task_id(id)));
      }));
      call_times.add(time_of([&] {
        cobatch_owned_text reply = {};
        cobatch_error* err = nullptr;
        check(cobatch_call(ws, text(request), &reply, nullptr, &err), &err);
        cobatch_text_free(&reply);
      }));
    }
  least_times.print("parse, find_task, find_result");
  call_times.print("cobatch_call check_task_status");
  print_ratio("cobatch_call / least", call_times.quantile(0.5) / least_times.quantile(0.5), "target <= 1.3");
  cobatch_close(ws);
}

void assigns(const std::string& folder) {
  std::printf("durable assign through the C interface, against the C++ one\n");
  std::filesystem::create_directories(folder + "/c");
  std::filesystem::create_directories(folder + "/cpp");
  auto place = must(workspace::open({.root = folder + "/cpp"}));
  cobatch_workspace* ws = open_by_c(folder + "/c");
  sample c_times, cpp_times;
  for (int i = 0; i < 3000; ++i) {
    const std::string id = "t" + std::to_string(i);
    cpp_times.add(time_of([&] { assign_by_cpp(place, id); }));
    c_times.add(time_of([&] { assign_by_c(ws, id); }));
  }
  cpp_times.print("workspace::assign");
  c_times.print("cobatch_assign_task");
  print_ratio("C / C++", c_times.quantile(0.5) / cpp_times.quantile(0.5), "about 1");
  cobatch_close(ws);
}

void serve_assigns(const std::string& folder) {
  cobatch_workspace* ws = open_by_c(folder);
  long n = 0;
  for (long count = 0; std::cin >> count;) {
    for (; count > 0; --count) {
      const std::string id = "c" + std::to_string(n++);
      std::cout << static_cast<std::int64_t>(time_of([&] { assign_by_c(ws, id); }) * 1000) << ' ';
    }
    std::cout << std::endl;
  }
  cobatch_close(ws);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--assign") == 0) {
    serve_assigns(argv[2]);
    return 0;
  }
  std::string folder =
      ((argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::temp_directory_path()) / "capi-bench-XXXXXX")
          .string();
  if (::mkdtemp(folder.data()) == nullptr) give_up("no folder could be made in " + folder);
  std::filesystem::create_directories(folder + "/reads");
  reads(folder + "/reads");
  assigns(folder);
  std::filesystem::remove_all(folder);
}
