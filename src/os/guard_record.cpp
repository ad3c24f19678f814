#include "os/guard_record.hpp"

#include <cstring>
#include <type_traits>

namespace cobatch {

namespace {

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
class reader {
 public:
  explicit reader(std::string_view bytes) : rest_(bytes) {}
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
  reader in(payload);
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

}  // namespace

std::optional<std::string> to_slot_bytes(const guard_slot& slot) {
  const std::string payload = to_payload(slot.record);
  slot_header header{magic, payload.size(), slot.sequence, slot.file.inode, slot.file.birth_ns, 0};
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
  return guard_slot{header.sequence, {header.inode, header.birth_ns}, std::move(*record)};
}

}  // namespace cobatch
