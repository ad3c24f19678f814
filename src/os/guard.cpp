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

constexpr std::uint64_t magic = 0x3164726175676263;  // "cbguard1" in memory on little-endian machines

struct slot_header {
  std::uint64_t magic;
  std::uint64_t payload_bytes;
  std::uint64_t sequence;
  std::uint64_t inode;
  std::int64_t birth_ns;
  std::uint64_t checksum;
};
static_assert(std::is_trivially_copyable_v<slot_header> && sizeof(slot_header) == 48);

std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash = 0xCBF29CE484222325) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

std::uint64_t checksum_of(slot_header header, std::string_view payload) {
  header.checksum = 0;
  return fnv1a(payload, fnv1a({reinterpret_cast<const char*>(&header), sizeof header}));
}

void put(std::string& out, std::int64_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void put(std::string& out, std::string_view text) {
  put(out, static_cast<std::int64_t>(text.size()));
  out += text;
}
void put(std::string& out, const process_identity& who) {
  put(out, who.boot_id);
  put(out, who.pid_namespace);
  put(out, who.pid);
  put(out, who.start_time);
}

std::string to_payload(const guard_record& record) {
  std::string out;
  put(out, record.session.value);
  put(out, record.owner);
  put(out, record.keeper);
  put(out, record.agent);
  put(out, std::int64_t{record.marker ? 1 : 0});
  if (record.marker) {
    put(out, static_cast<std::int64_t>(record.marker->device));
    put(out, static_cast<std::int64_t>(record.marker->inode));
    put(out, record.marker->birth_ns);
    put(out, record.marker->size);
    put(out, record.marker->bytes);
  }
  return out;
}

// Takes the payload apart; `good` turns false, for good, at the first piece that is not there.
class payload_reader {
 public:
  explicit payload_reader(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return good_ && rest_.empty(); }

  std::int64_t number() {
    std::int64_t value = 0;
    const auto bytes = take(sizeof value);
    if (good_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string text() {
    const std::int64_t size = number();
    return std::string(take(size < 0 ? rest_.size() + 1 : static_cast<std::size_t>(size)));
  }
  process_identity process() {
    process_identity who;
    who.boot_id = text();
    who.pid_namespace = number();
    who.pid = number();
    who.start_time = number();
    return who;
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) good_ = false;
    if (!good_) return {};
    const auto piece = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return piece;
  }
  std::string_view rest_;
  bool good_ = true;
};

std::optional<guard_record> from_payload(std::string_view payload) {
  payload_reader in(payload);
  guard_record record;
  record.session = {in.number()};
  record.owner = in.process();
  record.keeper = in.process();
  record.agent = in.process();
  if (in.number() != 0) {
    marker_identity& marker = record.marker.emplace();
    marker.device = static_cast<std::uint64_t>(in.number());
    marker.inode = static_cast<std::uint64_t>(in.number());
    marker.birth_ns = in.number();
    marker.size = in.number();
    marker.bytes = in.text();
  }
  if (!in.at_end()) return std::nullopt;
  return record;
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
  const std::string payload = to_payload(slot.record);
  slot_header header{magic, payload.size(), slot.sequence, slot.inode, slot.birth_ns, 0};
  if (sizeof header + payload.size() > guard_slot_bytes) return std::nullopt;
  header.checksum = checksum_of(header, payload);
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  out += payload;
  out.resize(guard_slot_bytes);
  return out;
}

std::optional<guard_slot> from_slot_bytes(std::string_view bytes) {
  slot_header header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != magic || header.payload_bytes > bytes.size() - sizeof header) return std::nullopt;
  const auto payload = bytes.substr(sizeof header, header.payload_bytes);
  if (header.checksum != checksum_of(header, payload)) return std::nullopt;
  auto record = from_payload(payload);
  if (!record) return std::nullopt;
  return guard_slot{header.sequence, header.inode, header.birth_ns, std::move(*record)};
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

result<std::optional<guard_record>> guard::read_record() const {
  return read_latest(fd_.get(), path_);
}

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
