// The store in SQLite: transactions, reads, and news of changes. The tables are the rows' matter, the rules the
// commands'.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "os/process.hpp"
#include "os/watch.hpp"
#include "store/bell.hpp"
#include "store/command_store.hpp"
#include "store/group_commit.hpp"
#include "store/open_stores.hpp"
#include "store/sqlite_db.hpp"
#include "store/sqlite_files.hpp"
#include "store/sqlite_rows.hpp"
#include "store/store.hpp"
#include "store/write_lock.hpp"

namespace cobatch {

class sqlite_store final : public command_store {
 public:
  [[nodiscard]] static result<std::unique_ptr<store>> open(const sqlite_store_options& options);
  ~sqlite_store() override;

  std::int64_t version() override;
  std::int64_t wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline,
                               std::stop_token stop) override;

 protected:
  result<void> write(const transaction& body) override;
  result<void> read(const transaction& body) override;

 private:
  struct job {
    const transaction* body;
    result<void> outcome = {};
    bool done = false;
    std::exception_ptr thrown = {};  // what kept it from being done, where that is no error of the store's
  };
  // What a thread waits on; kept for the next wait.
  struct listener {
    file_watch watch;
    wake_signal stopped;
  };

  sqlite_store(clock_fn clock, open_store_count counted, std::unique_ptr<write_lock> lock, sqlite_files files, bell b,
               std::unique_ptr<sqlite_db> writer);

  void commit_group(std::span<job* const> jobs) noexcept;
  void commit_or_throw(std::span<job* const> jobs);
  static void settle(std::span<job* const> jobs, const result<void>& outcome);
  [[nodiscard]] result<void> check_writable() const;
  [[nodiscard]] bool run_group(std::span<job* const> jobs);
  static void run_one(sqlite_rows& rows, job& j, bool& torn);
  void roll_back() noexcept;
  void notice_other_writers();
  void note(const sqlite_failure& failure) noexcept;
  void checkpoint_if_long() noexcept;
  [[nodiscard]] result<void> check_process() const;

  void learn(std::int64_t change) noexcept;
  void look_for_change();
  [[nodiscard]] std::optional<listener> take_listener();

  [[nodiscard]] result<void> read_once(const transaction& body, bool& busy);
  [[nodiscard]] std::unique_ptr<sqlite_db> take_reader();
  void give_back(std::unique_ptr<sqlite_db> reader) noexcept;
  void close();

  open_store_count counted_;
  std::unique_ptr<write_lock> lock_;
  sqlite_files files_;
  bell bell_;
  birthplace home_;  // whose connections these are: they are of no use after fork
  std::unique_ptr<sqlite_db> writer_;
  std::uint32_t others_version_ = 0;  // of the file, to see that another connection changed it
  batch_cache batches_;
  group_commit<job> group_;
  std::atomic<std::int64_t> known_change_{0};

  std::mutex pool_mutex_;
  std::vector<std::unique_ptr<sqlite_db>> readers_;
  std::size_t readers_made_ = 0;  // there is room for so many in readers_
  std::vector<listener> listeners_;
};

}  // namespace cobatch
