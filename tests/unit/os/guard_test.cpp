#include "os/guard.hpp"

#include <atomic>
#include <fcntl.h>
#include <random>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/files.hpp"
#include "os/process.hpp"
#include "os/watch.hpp"
#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

guard opened(const scratch_folder& folder) {
  auto lock = guard::open(folder.path());
  REQUIRE_MESSAGE(lock, lock.error().message);
  return std::move(*lock);
}

guard_record sample(std::int64_t session) {
  return {.session = {session},
          .owner = identity_of_self(),
          .keeper = {"boot", 1, 2, 3},
          .agent = {"boot", 4, 5, 6},
          .marker = lock_file_identity{1, 2, 3, 4, std::string("bytes\0\"", 7)}};
}

// Spoils one byte of a slot, as a write that was cut short would.
void spoil(const std::filesystem::path& file, std::size_t slot) {
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(static_cast<std::streamoff>(slot * guard_slot_bytes + 60));
  out.put('\x7F');
}

}  // namespace

TEST_CASE("the guard admits one holder at a time") {
  const scratch_folder folder;
  auto first = opened(folder);
  auto second = opened(folder);
  CHECK_FALSE(first.held());
  CHECK(first.try_acquire().value());
  CHECK(first.held());
  CHECK(first.try_acquire().value());
  CHECK_FALSE(second.try_acquire().value());
  REQUIRE(first.release());
  CHECK_FALSE(first.held());
  CHECK(second.try_acquire().value());
  CHECK_FALSE(first.try_acquire().value());
}

TEST_CASE("a holder that is killed has let go of the guard") {
  const scratch_folder folder;
  auto lock = opened(folder);
  forked holder([&] {
    auto own = guard::open(folder.path());
    if (!own || !own->try_acquire().value_or(false)) return 1;
    put(folder.path() / "held", "");
    for (;;) ::pause();
  });
  REQUIRE(eventually([&] { return std::filesystem::exists(folder.path() / "held"); }));
  CHECK_FALSE(lock.try_acquire().value());
  holder.kill();
  CHECK(lock.try_acquire().value());
}

TEST_CASE("a guard whose file was replaced or removed is refused") {
  const scratch_folder folder;
  auto lock = opened(folder);
  std::filesystem::rename(folder.path() / "guard", folder.path() / "elsewhere");
  SUBCASE("removed") {}
  SUBCASE("replaced") { put(folder.path() / "guard", ""); }
  CHECK(lock.try_acquire().error().code == errc::workspace_replaced);
  CHECK_FALSE(lock.held());
}

TEST_CASE("a guard that is a link is refused") {
  const scratch_folder folder;
  put(folder.path() / "other", "");
  SUBCASE("symbolic") { std::filesystem::create_symlink("other", folder.path() / "guard"); }
  SUBCASE("hard") { REQUIRE(::link((folder.path() / "other").c_str(), (folder.path() / "guard").c_str()) == 0); }
  CHECK(guard::open(folder.path()).error().code == errc::unsafe_file);
}

TEST_CASE("a record is read back as it was written, by its holder and by others") {
  const scratch_folder folder;
  auto lock = opened(folder);
  CHECK_FALSE(lock.read_record().value().has_value());
  CHECK(lock.write_record(sample(1)).error().code == errc::internal);  // not held
  REQUIRE(lock.try_acquire().value());
  for (std::int64_t i = 1; i <= 5; ++i) {
    REQUIRE(lock.write_record(sample(i)));
    CHECK(lock.read_record().value() == sample(i));
    CHECK(glance_at_guard(folder.path())->record == sample(i));
  }
  auto bare = sample(6);
  bare.marker.reset();
  bare.agent = {};
  REQUIRE(lock.write_record(bare));
  CHECK(lock.read_record().value() == bare);
  auto large = sample(7);
  large.marker->bytes.assign(max_lock_file_bytes, 'x');
  REQUIRE(lock.write_record(large));
  CHECK(lock.read_record().value() == large);
  large.marker->bytes.assign(guard_slot_bytes, 'x');
  CHECK(lock.write_record(large).error().code == errc::too_large);
}

TEST_CASE("a record that a kill cut short leaves the one before") {
  const scratch_folder folder;
  auto lock = opened(folder);
  REQUIRE(lock.try_acquire().value());
  REQUIRE(lock.write_record(sample(1)));
  REQUIRE(lock.write_record(sample(2)));
  spoil(folder.path() / "guard", 1);
  CHECK(lock.read_record().value() == sample(1));
  REQUIRE(lock.write_record(sample(3)));
  CHECK(lock.read_record().value() == sample(3));
  spoil(folder.path() / "guard", 0);
  CHECK(lock.read_record().value() == sample(3));
  spoil(folder.path() / "guard", 1);
  CHECK_FALSE(lock.read_record().value().has_value());
}

TEST_CASE("a slot is whole or nothing, wherever it is cut or changed") {
  const auto bytes = to_slot_bytes({9, 10, 11, sample(1)});
  REQUIRE(bytes);
  REQUIRE(from_slot_bytes(*bytes));
  CHECK(from_slot_bytes(*bytes)->sequence == 9);
  const std::size_t used = bytes->find_last_not_of('\0') + 1;
  for (std::size_t cut = 0; cut < used; ++cut) CHECK_FALSE(from_slot_bytes(bytes->substr(0, cut)));
  for (std::size_t at = 0; at < used; ++at) {
    auto changed = *bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    CHECK_FALSE(from_slot_bytes(changed));
  }
}

TEST_CASE("a copied folder's record is void, a moved folder's is not") {
  const scratch_folder folder;
  const auto original = folder.path() / "original";
  const auto copy = folder.path() / "copy";
  std::filesystem::create_directory(original);
  {
    auto lock = guard::open(original);
    REQUIRE(lock->try_acquire().value());
    REQUIRE(lock->write_record(sample(1)));
  }
  std::filesystem::copy(original, copy, std::filesystem::copy_options::recursive);
  CHECK_FALSE(glance_at_guard(copy)->record.has_value());
  std::filesystem::rename(original, folder.path() / "moved");
  CHECK(glance_at_guard(folder.path() / "moved")->record == sample(1));
}

TEST_CASE("a glance tells whether the guard is held and changes nothing") {
  const scratch_folder folder;
  CHECK_FALSE(glance_at_guard(folder.path())->busy);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "guard"));
  auto lock = opened(folder);
  CHECK_FALSE(glance_at_guard(folder.path())->busy);
  REQUIRE(lock.try_acquire().value());
  CHECK(glance_at_guard(folder.path())->busy);
  REQUIRE(lock.release());
  CHECK_FALSE(glance_at_guard(folder.path())->busy);
}

TEST_CASE("a glance never makes a free guard look busy") {
  const scratch_folder folder;
  const auto glance_for_ever = [&] {
    for (;;) static_cast<void>(glance_at_guard(folder.path()));
    return 0;
  };
  // Forked before the guard is opened: until a forked child runs it has a copy of it.
  forked one(glance_for_ever), another(glance_for_ever);
  auto lock = opened(folder);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    if (!lock.try_acquire().value()) ++refused;
    REQUIRE(lock.release());
  }
  CHECK(refused == 0);
}

TEST_CASE("a glance sees a holder that starts and stops, and never another glance") {
  const scratch_folder folder;
  static_cast<void>(opened(folder));
  forked other([&] {
    for (;;) static_cast<void>(glance_at_guard(folder.path()));
    return 0;
  });
  int busy = 0;
  for (int i = 0; i < 3000; ++i) busy += glance_at_guard(folder.path())->busy ? 1 : 0;
  CHECK(busy == 0);
}

TEST_CASE("a wait for the guard ends when its holder dies, with a stop, or by another descriptor") {
  const scratch_folder folder;
  auto lock = opened(folder);
  forked holder([] {
    for (;;) ::pause();
    return 0;
  });
  guard_record record;
  record.owner = identity_of_process(holder.pid());
  auto wake = wake_signal::make();
  REQUIRE(wake);
  wake->notify();
  wait_for_guard(record, failsafe(), {}, wake->descriptor());
  std::stop_source stop;
  stop.request_stop();
  wait_for_guard(record, failsafe(), stop.get_token(), -1);
  wait_for_guard(record, std::chrono::steady_clock::now(), {}, -1);
  std::thread killer([&] { ::kill(holder.pid(), SIGKILL); });
  while (!is_dead(record.owner)) wait_for_guard(record, failsafe(), {}, -1);
  killer.join();
  wait_for_guard(record, failsafe(), {}, -1);  // all are dead: it is worth trying, soon
}

TEST_CASE("of eight processes that are killed at random never two hold the guard") {
  const scratch_folder folder;
  // In memory that the processes share: who is inside, and how often one was and two were.
  struct board {
    std::atomic<pid_t> inside;
    std::atomic<int> entries, overlaps;
  };
  void* const memory = ::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  auto* const shared = new (memory) board{};
  const auto contend = [&] {
    auto lock = guard::open(folder.path());
    if (!lock) return 1;
    for (;;) {
      const auto got = lock->try_acquire();
      if (!got) return 2;
      if (!*got) {
        ::usleep(50);
        continue;
      }
      // Whoever comes in while another is inside takes its place on the board, and the other finds out. (One that was
      // killed inside has left its pid, and finds out nothing.)
      shared->inside = ::getpid();
      ++shared->entries;
      guard_record record;
      record.session = {shared->entries.load()};
      record.owner = identity_of_self();
      if (!lock->write_record(record)) return 3;
      if (lock->read_record().value_or(std::nullopt) != record) ++shared->overlaps;
      pid_t self = ::getpid();
      if (!shared->inside.compare_exchange_strong(self, 0)) ++shared->overlaps;
      if (!lock->release()) return 4;
    }
  };
  std::vector<forked> rivals;
  rivals.reserve(8);
  for (int i = 0; i < 8; ++i) rivals.emplace_back(contend);
  std::mt19937 random(1);
  for (int kills = 0; kills < 150; ++kills) {
    const int before = shared->entries;
    if (!eventually([&] { return shared->entries > before + 3; })) break;
    rivals.erase(rivals.begin() + random() % 8);
    rivals.emplace_back(contend);
  }
  rivals.clear();
  CHECK(shared->overlaps == 0);
  CHECK(shared->entries > 150);
  auto after = opened(folder);
  CHECK(after.try_acquire().value());
  CHECK(after.read_record().value().has_value());
  ::munmap(memory, sizeof(board));
}
