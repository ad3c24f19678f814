#include "os/guard.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <type_traits>
#include <unistd.h>

#include "os/files.hpp"
#include "os/process.hpp"
#include "os/system.h"
#include "os/watch.hpp"

namespace cobatch {

namespace fs = std::filesystem;

namespace {

// ---- The record as bytes

constexpr std::uint64_t magic = 0x3264726175676263;  // "cbguard2" in memory on little-endian machines

struct process_bytes {
  char boot_id[64];  // the rest is zeros
  std::int64_t pid_namespace, pid, start_time;
};

struct slot_layout {
  std::uint64_t magic, sequence, inode;
  std::int64_t birth_ns;
  std::uint64_t checksum;  // of all the rest
  std::int64_t session;
  process_bytes owner, keeper, agent;
  std::uint64_t has_marker, marker_device, marker_inode;
  std::int64_t marker_birth_ns, marker_size;
  std::uint64_t marker_byte_count;
  char marker_bytes[max_lock_file_bytes];
};
static_assert(std::has_unique_object_representations_v<slot_layout> && sizeof(slot_layout) <= guard_slot_bytes);

// FNV-1a, 64 bits.
std::uint64_t checksum_of(slot_layout slot) {
  slot.checksum = 0;
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : std::string_view(reinterpret_cast<const char*>(&slot), sizeof slot))
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

// False if it does not fit.
bool put(process_bytes& out, const process_identity& who) {
  if (who.boot_id.size() >= sizeof out.boot_id) return false;
  who.boot_id.copy(out.boot_id, who.boot_id.size());
  out.pid_namespace = who.pid_namespace;
  out.pid = who.pid;
  out.start_time = who.start_time;
  return true;
}

process_identity taken(const process_bytes& from) {
  return {from.boot_id, from.pid_namespace, from.pid, from.start_time};
}

// ---- The file

// How long an acquisition that meets only askers goes on before it calls the guard busy. They hold their lock for
// microseconds, but one may be off its processor, or stopped by a debugger.
constexpr std::chrono::milliseconds asker_patience{1000};

result<unique_fd> open_guard_file(const fs::path& path, int flags) {
  unique_fd fd(::open(path.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (fd.open()) return fd;
  if (errno == ELOOP)
    return fail(errc::unsafe_file, path.string() + " is a link; it was not followed. Remove the link and try again");
  return fail(system_error(errno, "open", path));
}

// 1 locked, 0 somebody's lock is in the way, -1 with errno set.
int lock_now(int fd, int operation) {
  for (;;) {
    if (::flock(fd, operation | LOCK_NB) == 0) return 1;
    if (errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return -1;
  }
}

struct both_slots {
  std::uint64_t inode;  // of the guard's file
  std::int64_t birth_ns;
  std::array<std::optional<guard_slot>, 2> slots;

  // Index of the latest whole slot, or -1.
  [[nodiscard]] int latest() const {
    if (!slots[0] && !slots[1]) return -1;
    if (!slots[0] || !slots[1]) return slots[0] ? 0 : 1;
    return slots[0]->sequence > slots[1]->sequence ? 0 : 1;
  }
};

result<both_slots> read_slots(int fd, const fs::path& path) {
  cobatch_file file{};
  if (::cobatch_look_at_file(fd, nullptr, &file) != 0) return fail(system_error(errno, "look at", path));
  std::string bytes(2 * guard_slot_bytes, '\0');
  ssize_t n = 0;
  do n = ::pread(fd, bytes.data(), bytes.size(), 0);
  while (n < 0 && errno == EINTR);
  if (n < 0) return fail(system_error(errno, "read", path));
  const std::string_view content = std::string_view(bytes).substr(0, static_cast<std::size_t>(n));
  both_slots both{.inode = file.inode, .birth_ns = file.birth_ns, .slots = {}};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t start = std::min(i * guard_slot_bytes, content.size());
    auto slot = from_slot_bytes(content.substr(start, guard_slot_bytes));
    if (slot && slot->inode == file.inode && slot->birth_ns == file.birth_ns) both.slots[i] = std::move(slot);
  }
  return both;
}

// A reader that is overtaken by two writes may find both slots torn: it looks again.
result<std::optional<guard_record>> read_latest(int fd, const fs::path& path) {
  for (int tries = 0; tries < 3; ++tries) {
    auto both = read_slots(fd, path);
    if (!both) return fail(both.error());
    if (const int latest = both->latest(); latest >= 0)
      return std::move(both->slots[static_cast<std::size_t>(latest)]->record);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> to_slot_bytes(const guard_slot& slot) {
  slot_layout out{};
  const guard_record& record = slot.record;
  out.magic = magic;
  out.sequence = slot.sequence;
  out.inode = slot.inode;
  out.birth_ns = slot.birth_ns;
  out.session = record.session.value;
  if (!put(out.owner, record.owner) || !put(out.keeper, record.keeper) || !put(out.agent, record.agent))
    return std::nullopt;
  if (const auto& marker = record.marker) {
    if (marker->bytes.size() > sizeof out.marker_bytes) return std::nullopt;
    out.has_marker = 1;
    out.marker_device = marker->device;
    out.marker_inode = marker->inode;
    out.marker_birth_ns = marker->birth_ns;
    out.marker_size = marker->size;
    out.marker_byte_count = marker->bytes.copy(out.marker_bytes, sizeof out.marker_bytes);
  }
  out.checksum = checksum_of(out);
  std::string bytes(reinterpret_cast<const char*>(&out), sizeof out);
  bytes.resize(guard_slot_bytes);
  return bytes;
}

std::optional<guard_slot> from_slot_bytes(std::string_view bytes) {
  slot_layout in;
  if (bytes.size() < sizeof in) return std::nullopt;
  std::memcpy(&in, bytes.data(), sizeof in);
  if (in.magic != magic || in.checksum != checksum_of(in)) return std::nullopt;
  guard_slot slot{in.sequence, in.inode, in.birth_ns, {}};
  guard_record& record = slot.record;
  record.session = {in.session};
  record.owner = taken(in.owner);
  record.keeper = taken(in.keeper);
  record.agent = taken(in.agent);
  if (in.has_marker != 0)
    record.marker = lock_file_identity{in.marker_device, in.marker_inode, in.marker_birth_ns, in.marker_size,
                                       std::string(in.marker_bytes, in.marker_byte_count)};
  return slot;
}

guard::guard(private_fd fd, fs::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

result<guard> guard::open(const fs::path& state_folder) {
  const auto unlockable = cannot_lock(state_folder);
  if (!unlockable) return fail(unlockable.error());
  if (*unlockable)
    return fail(errc::cannot_lock, state_folder.string() +
                                       " is on a network or shared file system, where locks cannot be trusted; nothing "
                                       "was changed. Keep the state on a local disk with --state DIR");
  const fs::path path = state_folder / "guard";
  auto fd = open_guard_file(path, O_RDWR | O_CREAT);
  if (!fd) return fail(fd.error());
  const unique_fd folder(::open(state_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.open()) return fail(system_error(errno, "open", state_folder));
  if (auto plain = check_plain_file(fd->get(), folder.get(), path); !plain) return fail(plain.error());
  return guard(private_fd(std::move(*fd)), path);
}

// flock, because it is the one lock that every system has, that the keeper inherits with the description, and that no
// other close in this process drops. Its price: whoever only asks must take a shared lock for a moment. So a refused
// exclusive lock is followed by a shared one. If that is refused too, there is a holder. If it is granted there were
// only askers: it is dropped (two who kept theirs would refuse each other for ever) and the exclusive one tried anew.
result<bool> guard::try_acquire() {
  using namespace std::chrono;
  if (held()) return true;
  const auto deadline = steady_clock::now() + asker_patience;
  for (microseconds pause{10};; pause = std::min(2 * pause, microseconds{1000})) {
    const int exclusive = lock_now(fd_.get(), LOCK_EX);
    if (exclusive < 0) return fail(system_error(errno, "lock", path_));
    if (exclusive == 1) return confirm_held();
    const int shared = lock_now(fd_.get(), LOCK_SH);
    if (shared < 0) return fail(system_error(errno, "lock", path_));
    if (shared == 0) return false;
    // This description is shared with a keeper only while it is held, and it is not: unlocking it takes nothing from
    // anybody.
    ::flock(fd_.get(), LOCK_UN);
    if (steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
  }
}

result<bool> guard::confirm_held() {
  held_ = true;
  const auto own = identity_of(fd_.get(), path_);
  const auto named = identity_of(path_);
  if (own && named && *own == *named) return true;
  auto reopened = release();
  if (!reopened) return fail(reopened.error());
  return fail(errc::workspace_replaced, path_.string() +
                                            " was replaced or removed while it was open; nothing was started. Open the "
                                            "workspace again");
}

result<void> guard::release() {
  held_ = false;
  fd_.reset();
  auto fd = open_guard_file(path_, O_RDWR | O_CREAT);
  if (!fd) return fail(fd.error());
  fd_ = private_fd(std::move(*fd));
  return {};
}

result<std::optional<guard_record>> guard::read_record() const { return read_latest(fd_.get(), path_); }

result<void> guard::write_record(const guard_record& record) {
  if (!held()) return fail(errc::internal, "the guard's record was to be written by one who does not hold it");
  const auto both = read_slots(fd_.get(), path_);
  if (!both) return fail(both.error());
  const int latest = both->latest();
  const std::uint64_t sequence = latest < 0 ? 1 : both->slots[static_cast<std::size_t>(latest)]->sequence + 1;
  const auto bytes = to_slot_bytes({sequence, both->inode, both->birth_ns, record});
  if (!bytes) return fail(errc::too_large, "the guard's record does not fit its slot");
  const off_t at = latest == 0 ? static_cast<off_t>(guard_slot_bytes) : 0;
  for (std::size_t done = 0; done < bytes->size();) {
    const ssize_t n = ::pwrite(fd_.get(), bytes->data() + done, bytes->size() - done, at + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error(errno, "write", path_));
    done += static_cast<std::size_t>(n);
  }
  return {};
}

result<guard_glance> glance_at_guard(const fs::path& state_folder) {
  const fs::path path = state_folder / "guard";
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.open() && errno == ENOENT) return guard_glance{};
  if (!fd.open()) return fail(system_error(errno, "open", path));
  guard_glance seen;
  const int shared = lock_now(fd.get(), LOCK_SH);
  if (shared < 0) return fail(system_error(errno, "ask for the lock of", path));
  seen.busy = shared == 0;
  // Unlocked, not only closed: nobody inherits this description on purpose, and a child that another thread forked just
  // now must not keep the lock.
  if (shared == 1) ::flock(fd.get(), LOCK_UN);
  auto record = read_latest(fd.get(), path);
  if (!record) return fail(record.error());
  seen.record = std::move(*record);
  return seen;
}

void wait_for_guard(const guard_record& holder, std::chrono::steady_clock::time_point deadline, std::stop_token stop,
                    int also) {
  using std::chrono::milliseconds;
  const unique_fd owner = watch_death(holder.owner);
  const unique_fd keeper = watch_death(holder.keeper);
  // If all who are named are dead, whoever holds the guard has not signed yet: it will soon.
  const bool all_dead = liveness_of(holder.owner) == liveness::dead && liveness_of(holder.keeper) == liveness::dead;
  const auto tick = std::chrono::steady_clock::now() + milliseconds{all_dead ? 2 : 250};
  auto signal = wake_signal::make();
  const int stopped = signal ? signal->descriptor() : -1;
  const std::stop_callback on_stop(stop, [&] {
    if (signal) signal->notify();
  });
  wait_readable({owner.get(), keeper.get(), also, stopped}, std::min(deadline, tick));
}

}  // namespace cobatch
