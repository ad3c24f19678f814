// Where the store's transactions run: an SQLite database in a folder, which all processes share, or in memory.
//
// One connection writes, under the write lock (write_lock.hpp), and commits what many threads want at once in one
// transaction (group_commit.hpp). Reads have connections of their own and see one consistent state; a database in memory
// has but one connection, where they run as commands that write nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>

#include <cobatch/core/error.hpp>

#include "os/process.hpp"
#include "os/watch.hpp"
#include "store/files.hpp"
#include "store/group_commit.hpp"
#include "store/open_stores.hpp"
#include "store/sqlite.hpp"
#include "store/store.hpp"
#include "store/transaction.hpp"
#include "store/write_lock.hpp"

namespace cobatch {

class database {
 public:
  using work = std::function<void(transaction&)>;

  /// Errors: as `store::open`.
  [[nodiscard]] static result<std::unique_ptr<database>> open(const store_options& options);
  database(const database&) = delete;
  database& operator=(const database&) = delete;
  ~database();

  /// Runs `body` in a transaction that is durable when this returns. It may be run again from the start (and is then
  /// rolled back before), on any thread; what it throws becomes the error.
  [[nodiscard]] result<void> write(const work& body);
  /// Runs `body` over one consistent state.
  [[nodiscard]] result<void> read(const work& body);

  /// These as of `store`.
  [[nodiscard]] std::int64_t version();
  std::int64_t wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline, std::stop_token stop);

 private:
  // A connection, and what a test may have put before it.
  struct connection {
    std::unique_ptr<sqlite> own;
    std::unique_ptr<sql> before;
    [[nodiscard]] sql& use() const noexcept { return before ? *before : *own; }
  };
  struct on_disk {
    std::unique_ptr<write_lock> lock;
    store_files files;
    bell changes;
  };
  struct job {
    const work* body;
    result<void> outcome = {};
    bool done = false;
    std::exception_ptr thrown = {};  // what kept it from being done, where that is no error of the store's
  };
  // What a thread waits on; kept for the next wait, as the kernel takes its time to make and to close a watch.
  struct listener {
    file_watch watch;
    wake_signal stopped;
  };

  database(const store_options& options, std::optional<open_store_count> counted, std::optional<on_disk> place,
           std::unique_ptr<sqlite> writer);
  [[nodiscard]] static result<std::unique_ptr<database>> open_in_memory(const store_options& options);
  [[nodiscard]] static result<std::unique_ptr<database>> open_in_folder(const store_options& options);

  [[nodiscard]] connection connect(std::unique_ptr<sqlite> own) const;
  [[nodiscard]] result<void> check_process() const;
  [[nodiscard]] result<void> check_writable() const;
  [[nodiscard]] result<std::optional<write_lock::hold>> lock_to_write();
  void note(const sql_failure& failure) noexcept;

  void commit_group(std::span<job* const> jobs) noexcept;
  void commit_or_throw(std::span<job* const> jobs);
  static void settle(std::span<job* const> jobs, const result<void>& outcome);
  [[nodiscard]] bool run_group(std::span<job* const> jobs);
  void run_one(transaction& t, job& j, bool& torn);
  void roll_back() noexcept;
  void notice_other_writers();
  void checkpoint_if_long() noexcept;
  void close();

  [[nodiscard]] result<void> read_once(const work& body, bool& busy);
  [[nodiscard]] std::list<connection> take_reader();

  void learn(std::int64_t change) noexcept;
  void announce(std::int64_t change) noexcept;
  void look_for_change();
  [[nodiscard]] std::list<listener> take_listener();

  const clock_fn clock_;
  const std::function<std::unique_ptr<sql>(sql&)> between_;
  std::optional<open_store_count> counted_;
  std::optional<on_disk> place_;  ///< nothing: in memory
  birthplace home_;               ///< whose connections these are: they are of no use after fork
  connection writer_;
  std::uint32_t others_version_ = 0;  ///< of the file, to see that another connection changed it
  known_batches known_;
  group_commit<job> group_;
  std::atomic<std::int64_t> known_change_{0};

  std::mutex idle_mutex_;
  std::list<connection> idle_readers_;
  std::list<listener> idle_listeners_;
};

template <class Body>
auto v1::store::change(Body body) -> result<std::invoke_result_t<Body, transaction&>> {
  std::invoke_result_t<Body, transaction&> out{};
  auto done = database_->write([&](transaction& t) { out = body(t); });
  if (!done) return fail(std::move(done.error()));
  return out;
}

template <class Body>
auto v1::store::look(Body body) -> result<std::invoke_result_t<Body, transaction&>> {
  std::invoke_result_t<Body, transaction&> out{};
  auto done = database_->read([&](transaction& t) { out = body(t); });
  if (!done) return fail(std::move(done.error()));
  return out;
}

}  // namespace cobatch
