// How fast the SQLite store is against the least that could be done instead, both in one run on one disk.
//
//   store_bench [FOLDER [NAME…]]
//
// FOLDER: on the disk you mean (default: a new one in the temporary directory). NAME: only these of processes, wake,
// assign, turns, callers, bulk, reads.
//
// Each comparison alternates between the two sides, block by block, so that what the disk does meanwhile meets both.
// Times are microseconds; a ratio of medians is what the targets are about.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include <cobatch/store.hpp>

#include "measure.hpp"
#include "os/descriptor.hpp"
#include "store/group_commit.hpp"
#include "store/sqlite.hpp"
#include "store/store.hpp"
#include "store/values.hpp"

namespace {

using namespace cobatch;
using namespace cobatch::bench;
namespace fs = std::filesystem;

/// A file that records are appended to, each synced.
class journal {
 public:
  explicit journal(const fs::path& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    if (!fd_.open()) give_up("cannot make " + path.string());
  }
  void append(const std::string& bytes) const {
    if (::write(fd_.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) give_up("append");
  }
  void sync() const {
    if (::fdatasync(fd_.get()) != 0) give_up("fdatasync");
  }

 private:
  unique_fd fd_;
};

std::string record_of_300_bytes() { return std::string(299, 'r') + "\n"; }

// A task whose texts make it about as large as the journal's record.
task_spec make_task(std::string id) {
  task_spec spec;
  spec.id = task_id(std::move(id));
  spec.description = std::string(250, 'd');
  spec.assigned_by = "bench";
  return spec;
}

assign_request one_task(const std::string& batch, std::string id) {
  assign_request request;
  request.batch = batch_id(batch);
  request.tasks.push_back(make_task(std::move(id)));
  return request;
}

std::unique_ptr<store> open_store(const fs::path& folder) {
  fs::create_directories(folder);
  return must(store::open({folder.string(), system_now}));
}

void durable_assign(const fs::path& root) {
  std::printf("durable assign, 1 caller, against append + fdatasync of 300 bytes\n");
  auto s = open_store(root / "assign");
  const journal bare(root / "assign.journal");
  const std::string bytes = record_of_300_bytes();
  sample store_times, bare_times;
  int next = 0;
  const auto assign_one = [&] {
    const int n = next++;
    must(s->assign(one_task("b" + std::to_string(n / 10), "task-" + std::to_string(n))));
  };
  for (int i = 0; i < 300; ++i) {  // past the first checkpoints, as a store in use is
    assign_one();
    bare.append(bytes);
    bare.sync();
  }
  for (int round = 0; round < 300; ++round)
    for (int i = 0; i < 10; ++i) {
      store_times.add(time_of(assign_one));
      bare_times.add(time_of([&] {
        bare.append(bytes);
        bare.sync();
      }));
    }
  bare_times.print("append + fdatasync");
  store_times.print("assign");
  print_ratio("assign / append", store_times.quantile(0.5) / bare_times.quantile(0.5), "gate <= 1.5, goal <= 1.25");
}

void turns(const fs::path& root) {
  std::printf("claim, begin, settle, against append + fdatasync of 300 bytes\n");
  auto s = open_store(root / "turns");
  const journal bare(root / "turns.journal");
  const std::string bytes = record_of_300_bytes();
  sample claim_times, begin_times, settle_times, bare_times;
  settlement what;
  what.end = turn_end::done;
  what.output = std::string(250, 'o');
  what.used = usage{{{"claude-opus-4", {10, 2000, 0, 30000, 400, 0}}}, usage_source::reported, true};
  for (int round = 0; round < 150; ++round) {
    assign_request request;
    request.batch = batch_id("b" + std::to_string(round));
    for (int i = 0; i < 10; ++i) request.tasks.push_back(make_task(std::to_string(round) + "/" + std::to_string(i)));
    must(s->assign(request));
    claim_request claim;
    claim.nonce = "n" + std::to_string(round);
    claim.serves = {{"claude"}, "claude"};
    epoch session;
    claim_times.add(time_of([&] { session = must(s->claim(claim)).session.id; }));
    for (int i = 1; i <= 10; ++i) {
      begin_request begin;
      begin.session = session;
      begin.ordinal = i;
      begin_times.add(time_of([&] { must(s->begin_turn(begin)); }));
      bare_times.add(time_of([&] {
        bare.append(bytes);
        bare.sync();
      }));
      settle_times.add(time_of([&] { must(s->settle_turn(session, turn_no{i}, what)); }));
    }
    begin_request none;
    none.session = session;
    none.ordinal = 11;
    must(s->begin_turn(none));
    must(s->end_session(session, session_end::finished, ""));
  }
  bare_times.print("append + fdatasync");
  claim_times.print("claim");
  begin_times.print("begin_turn");
  settle_times.print("settle_turn");
  const double bare_median = bare_times.quantile(0.5);
  print_ratio("claim / append", claim_times.quantile(0.5) / bare_median, "gate <= 1.5, goal <= 1");
  print_ratio("begin / append", begin_times.quantile(0.5) / bare_median, "gate <= 1.5, goal <= 1");
  print_ratio("settle / append", settle_times.quantile(0.5) / bare_median, "gate <= 1.5, goal <= 1");
}

/// A journal whose concurrent callers share syncs, in the same way as the store's do.
class grouped_journal {
 public:
  explicit grouped_journal(const fs::path& path)
      : file_(path), group_([this](std::span<const std::string* const> records) { commit(records); }, [] {}) {}
  void append(const std::string& bytes) { group_.run(bytes); }

 private:
  void commit(std::span<const std::string* const> records) {
    std::string all;
    for (const auto* record : records) all += *record;
    file_.append(all);
    file_.sync();
  }
  journal file_;
  group_commit<const std::string> group_;
};

// Operations a second of `threads` callers that each do `each` of them.
double throughput(int threads, int each, const std::function<void(int, int)>& one) {
  std::vector<std::thread> callers;
  const auto start = clock_type::now();
  for (int t = 0; t < threads; ++t)
    callers.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) one(t, i);
    });
  for (auto& caller : callers) caller.join();
  const double seconds = std::chrono::duration<double>(clock_type::now() - start).count();
  return threads * each / seconds;
}

// Bytes this process has given to write calls so far; 0 where the system does not tell.
std::int64_t bytes_written() {
  std::ifstream in("/proc/self/io");
  std::string name;
  std::int64_t value = 0;
  while (in >> name >> value)
    if (name == "wchar:") return value;
  return 0;
}

double cpu_us() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
  return us(used.ru_utime) + us(used.ru_stime);
}

struct rate {
  double per_second = 0;
  double cpu = 0;  // us each
  std::int64_t bytes = 0;
};

rate measure(int callers, int each, const std::function<void(int, int)>& one) {
  const double cpu_before = cpu_us();
  const std::int64_t bytes_before = bytes_written();
  rate out;
  out.per_second = throughput(callers, each, one);
  out.cpu = (cpu_us() - cpu_before) / (callers * each);
  out.bytes = (bytes_written() - bytes_before) / (callers * each);
  return out;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void many_callers(const fs::path& root) {
  std::printf("durable assigns, 64 callers, against a journal with the same group commit\n");
  auto s = open_store(root / "many");
  grouped_journal small(root / "many.small");
  grouped_journal same(root / "many.same");
  constexpr int callers = 64;
  constexpr int each = 100;
  std::vector<double> to_small, to_same;
  for (int round = 0; round < 9; ++round) {
    const std::string prefix = std::to_string(round) + "/";
    const rate store_rate = measure(callers, each, [&](int t, int i) {
      must(s->assign(one_task("b" + prefix + std::to_string(t), prefix + std::to_string(t) + "/" + std::to_string(i))));
    });
    const std::string record = record_of_300_bytes();
    const rate small_rate = measure(callers, each, [&](int, int) { small.append(record); });
    const std::string as_large(static_cast<std::size_t>(std::max<std::int64_t>(store_rate.bytes, 300)), 'r');
    const rate same_rate = measure(callers, each, [&](int, int) { same.append(as_large); });
    to_small.push_back(store_rate.per_second / small_rate.per_second);
    to_same.push_back(store_rate.per_second / same_rate.per_second);
    std::printf(
        "  round %d: store %7.0f/s (%4.1f us CPU, %5lld bytes each)  journal of 300 bytes %7.0f/s (%4.1f us)  of the "
        "same "
        "bytes %7.0f/s (%4.1f us)\n",
        round, store_rate.per_second, store_rate.cpu, static_cast<long long>(store_rate.bytes), small_rate.per_second,
        small_rate.cpu, same_rate.per_second, same_rate.cpu);
  }
  print_ratio("store / journal of the same bytes, median", median(to_same), "gate >= 0.8, goal >= 0.95");
  print_ratio("store / journal of 300 bytes, median", median(to_small), "no target");
}

/// The rows of a bulk assign put in with prepared statements and nothing else.
void insert_rows(sqlite& db, int round, int count) {
  const std::string batch = "b" + std::to_string(round);
  db.begin(sql::access::write);
  db.run(
      "INSERT INTO batch(batch_id, state, priority, sealed_at, round, agent, lingers, fruitless_sessions, hold_reason,"
      " held_until, created_at, last_assign_at, last_position, queued, in_progress, done, error, cancelled, model,"
      " has_preamble) VALUES(?, 'sealed', 1, 1, 1, '', 0, 0, '', NULL, 1, 1, ?, ?, 0, 0, 0, 0, '', 0)",
      batch, count, count);
  const std::int64_t key = db.last_insert_key();
  const std::string description(250, 'd');
  for (int i = 0; i < count; ++i) {
    const std::string id = std::to_string(round) + "/" + std::to_string(i);
    db.run(
        "INSERT INTO task(task_id, batch_seq, position, round, state, owner, priority, max_attempts, attempts,"
        " interruptions, epoch, turn, created_at, ended, reason, description, context, assigned_by, needs, check_argv,"
        " model, tools, limit_ms, extra)"
        " VALUES(?, ?, ?, 1, 'queued', 'nobody', 1, 2, 0, 0, 0, 0, 1, 0, '', ?, '', 'bench', '', '', '', '', 0, '')",
        id, key, i + 1, description);
  }
  db.commit();
}

void bulk(const fs::path& root) {
  std::printf("10,000 tasks in one assign, against prepared inserts of the same rows in one transaction\n");
  constexpr int count = 10'000;
  auto s = open_store(root / "bulk");
  open_store(root / "bulk-bare");
  sqlite bare(root / "bulk-bare" / "store.db");
  bare.execute("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;");
  sample store_times, bare_times;
  for (int round = 0; round < 7; ++round) {
    assign_request request;
    request.batch = batch_id("b" + std::to_string(round));
    for (int i = 0; i < count; ++i) request.tasks.push_back(make_task(std::to_string(round) + "/" + std::to_string(i)));
    store_times.add(time_of([&] { must(s->assign(request)); }));
    bare_times.add(time_of([&] { insert_rows(bare, round, count); }));
    bare.checkpoint(sqlite::checkpoint_kind::passive);  // the store has done the same inside its time
  }
  bare_times.print("prepared inserts");
  store_times.print("assign");
  print_ratio("rows/s of assign / rows/s of inserts", bare_times.quantile(0.5) / store_times.quantile(0.5),
              "gate >= 0.6, goal >= 0.85");
}

void reads(const fs::path& root) {
  std::printf("reads with 100,000 tasks, against one indexed SQLite read\n");
  auto s = open_store(root / "reads");
  for (int b = 0; b < 100; ++b) {
    assign_request request;
    request.batch = batch_id("b" + std::to_string(b));
    for (int i = 0; i < 1000; ++i) request.tasks.push_back(make_task(std::to_string(b) + "/" + std::to_string(i)));
    must(s->assign(request));
  }
  sqlite bare(root / "reads" / "store.db");
  sample bare_times, find_times, overview_times, work_times, version_times;
  for (int i = 0; i < 3000; ++i) {
    const std::string id = std::to_string(i * 7919 % 100) + "/" + std::to_string(i * 104729 % 1000);
    bare_times.add(time_of([&] {
      auto q = bare.query("SELECT state, position FROM task WHERE task_id = ?", id);
      if (!q.step()) give_up("no such task");
    }));
    find_times.add(time_of([&] {
      if (!must(s->find_task(task_id(id)))) give_up("no such task");
    }));
    overview_times.add(time_of([&] { must(s->read_overview()); }));
    work_times.add(time_of([&] { must(s->has_work({{"claude"}, "claude"})); }));
    version_times.add(time_of([&] { static_cast<void>(s->version()); }));
  }
  bare_times.print("one indexed read");
  find_times.print("find_task");
  overview_times.print("read_overview (100 unfinished batches)");
  work_times.print("has_work");
  version_times.print("version");
  print_ratio("find_task / indexed read", find_times.quantile(0.5) / bare_times.quantile(0.5), "no target");
  print_ratio("read_overview / indexed read", overview_times.quantile(0.5) / bare_times.quantile(0.5), "no target");
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock_type::now().time_since_epoch()).count();
}

// In a process of its own: writes down when it was awake after each change.
[[noreturn]] void run_waiter(const fs::path& folder, int out, int count) {
  auto s = must(store::open({folder.string(), system_now}));
  auto seen = s->version();
  const std::int64_t ready = 0;
  if (::write(out, &ready, sizeof ready) < 0) ::_exit(1);
  for (int i = 0; i < count; ++i) {
    seen = s->wait_for_change(seen, clock_type::time_point::max(), {});
    const std::int64_t awake = now_ns();
    if (::write(out, &awake, sizeof awake) < 0) ::_exit(1);
  }
  ::_exit(0);
}

void wake_up(const fs::path& root) {
  std::printf("assign committed -> a waiter in another process and in another thread awake\n");
  constexpr int count = 500;
  const fs::path folder = root / "wake";
  open_store(folder).reset();
  int ends[2];
  if (::pipe(ends) != 0) give_up("pipe");
  const pid_t child = ::fork();
  if (child == 0) run_waiter(folder, ends[1], count);
  auto s = open_store(folder);
  std::int64_t message = 0;
  const auto next_message = [&] {
    if (::read(ends[0], &message, sizeof message) != static_cast<ssize_t>(sizeof message)) give_up("the waiter ended");
    return message;
  };
  next_message();
  sample process_times;
  for (int i = 0; i < count; ++i) {
    must(s->assign(one_task("b", std::to_string(i))));
    const std::int64_t committed = now_ns();
    process_times.add(static_cast<double>(next_message() - committed) / 1000.0);
  }
  ::waitpid(child, nullptr, 0);
  process_times.print("process (negative: before assign returned)");

  sample thread_times;
  std::atomic<std::int64_t> awake = 0;
  std::atomic<bool> waiting = false;
  std::jthread waiter([&](std::stop_token stop) {
    auto seen = s->version();
    waiting = true;
    while (!stop.stop_requested()) {
      seen = s->wait_for_change(seen, clock_type::time_point::max(), stop);
      awake = now_ns();
      awake.notify_one();
    }
  });
  while (!waiting) std::this_thread::yield();
  for (int i = 0; i < count; ++i) {
    const std::int64_t before = awake;
    must(s->assign(one_task("b", "t" + std::to_string(i))));
    const std::int64_t committed = now_ns();
    awake.wait(before);
    thread_times.add(static_cast<double>(awake - committed) / 1000.0);
  }
  thread_times.print("thread");
  std::printf("  => gate: median <= 200 us, goal <= 50 us\n\n");
}

struct process_report {
  double worst_wait = 0;  // us, of one assign
  double worst_bare = 0;  // us, of one append + fdatasync between the assigns
  std::array<std::int64_t, 64> per_second{};
};

// In a process of its own: assigns for a while as fast as it may, and now and then syncs a file of its own.
[[noreturn]] void run_assigner(const fs::path& root, int out, int number, int seconds) {
  auto s = must(store::open({(root / "processes").string(), system_now}));
  const journal bare(root / ("processes." + std::to_string(number)));
  const std::string bytes = record_of_300_bytes();
  const std::string name = std::to_string(number);
  process_report report;
  const auto start = clock_type::now();
  for (int i = 0;; ++i) {
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(clock_type::now() - start).count();
    if (second >= seconds) break;
    report.worst_wait = std::max(
        report.worst_wait, time_of([&] { must(s->assign(one_task("b" + name, name + "/" + std::to_string(i)))); }));
    ++report.per_second[static_cast<std::size_t>(second)];
    if (i % 20 != 0) continue;
    report.worst_bare = std::max(report.worst_bare, time_of([&] {
                                   bare.append(bytes);
                                   bare.sync();
                                 }));
  }
  if (::write(out, &report, sizeof report) != static_cast<ssize_t>(sizeof report)) ::_exit(1);
  ::_exit(0);
}

void many_processes(const fs::path& root) {
  constexpr int seconds = 10;
  std::printf("8 processes that assign as fast as they may, %d s\n", seconds);
  constexpr int processes = 8;
  open_store(root / "processes").reset();
  int ends[2];
  if (::pipe(ends) != 0) give_up("pipe");
  std::vector<pid_t> children;
  for (int p = 0; p < processes; ++p) {
    const pid_t child = ::fork();
    if (child == 0) run_assigner(root, ends[1], p, seconds);
    children.push_back(child);
  }
  std::vector<process_report> reports(processes);
  for (auto& report : reports)
    if (::read(ends[0], &report, sizeof report) != static_cast<ssize_t>(sizeof report)) give_up("a process ended");
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);

  double worst_wait = 0, worst_bare = 0, worst_share = 0;
  std::int64_t total = 0;
  for (int second = 0; second < seconds; ++second) {
    std::vector<double> shares;
    for (const auto& report : reports) {
      shares.push_back(static_cast<double>(report.per_second[static_cast<std::size_t>(second)]));
      total += report.per_second[static_cast<std::size_t>(second)];
    }
    const double largest = *std::max_element(shares.begin(), shares.end());
    worst_share = std::max(worst_share, largest / std::max(1.0, median(shares)));
  }
  for (const auto& report : reports) {
    worst_wait = std::max(worst_wait, report.worst_wait);
    worst_bare = std::max(worst_bare, report.worst_bare);
  }
  std::printf("  %.0f assigns/s; worst wait %.1f ms, worst bare append + fdatasync %.1f ms\n",
              static_cast<double>(total) / seconds, worst_wait / 1000, worst_bare / 1000);
  print_ratio("worst wait / allowed", worst_wait / std::max(20'000.0, 9 * worst_bare), "gate <= 1, goal <= 0.5");
  print_ratio("largest / median share in any second", worst_share, "gate <= 2, goal <= 1.3");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::pair<std::string, void (*)(const fs::path&)>> all{{"processes", many_processes},
                                                                           {"wake", wake_up},
                                                                           {"assign", durable_assign},
                                                                           {"turns", turns},
                                                                           {"callers", many_callers},
                                                                           {"bulk", bulk},
                                                                           {"reads", reads}};
  if (argc > 1 && (argv[1][0] == '-' || argv[1][0] == '\0')) give_up("usage: store_bench [FOLDER [NAME...]]");
  std::string made = (fs::temp_directory_path() / "cobatch-bench-XXXXXX").string();
  if (argc < 2 && ::mkdtemp(made.data()) == nullptr) give_up("cannot make a folder");
  const fs::path root = argc < 2 ? fs::path(made) : fs::path(argv[1]);
  fs::create_directories(root);
  const std::vector<std::string> wanted(argv + std::min(argc, 2), argv + argc);
  for (const auto& [name, run] : all) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
    run(root);
    std::fflush(stdout);
  }
  if (argc < 2) fs::remove_all(root);
  return 0;
}
