// What the tests of the SQLite store's files share.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <sqlite3.h>

#include "conformance/describe.hpp"
#include "store/store.hpp"

namespace cobatch_test {

inline void write_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

inline std::unique_ptr<store> opened(const std::filesystem::path& folder) {
  return must(store::open({folder.string(), system_now}));
}

inline errc refusal(const std::filesystem::path& folder) {
  const auto answer = store::open({folder.string(), system_now});
  REQUIRE(!answer);
  INFO(answer.error().message);
  CHECK(answer.error().message.find(folder.string()) != std::string::npos);
  return answer.error().code;
}

inline assign_request one(const std::string& batch, const std::string& id) {
  assign_request request;
  request.batch = batch_id(batch);
  request.tasks = {task(id)};
  return request;
}

// Runs SQL on the database file as another program would.
inline void run_sql(const std::filesystem::path& folder, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open((folder / "store.db").c_str(), &db) == SQLITE_OK);
  CHECK(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

// Gives the next batch a session and settles its first turn as done.
inline void settle_a_turn(store& s) {
  claim_request claim;
  claim.nonce = "n";
  claim.serves = {{"claude"}, "claude"};
  begin_request begin;
  begin.session = must(s.claim(claim)).session.id;
  must(s.begin_turn(begin));
  must(s.settle_turn(begin.session, turn_no{1}, ended_as(turn_end::done)));
}

inline std::int64_t total_tasks(store& s) { return must(s.read_overview()).tally.total(); }

}  // namespace cobatch_test
