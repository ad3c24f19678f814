// Which engines are alive in a workspace. Each keeps a small file locked; the kernel drops the lock when it dies, so
// nobody has to time out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <cobatch/core/error.hpp>

#include "os/descriptor.hpp"

namespace cobatch {

/// Says that an engine lives, for as long as the object does.
class presence {
 public:
  /// Errors: as for any file in the state folder.
  [[nodiscard]] static result<presence> announce(const std::filesystem::path& state_folder,
                                                 const std::vector<std::string>& agents);
  presence(presence&&) noexcept = default;
  presence& operator=(presence&&) noexcept;
  ~presence();

 private:
  presence(private_fd fd, std::filesystem::path path);
  void withdraw() noexcept;
  private_fd fd_;
  std::filesystem::path path_;
};

struct live_engine {
  std::int64_t pid = 0;
  std::vector<std::string> agents;
};
/// The engines alive now. Files that dead ones left are removed.
[[nodiscard]] result<std::vector<live_engine>> live_engines(const std::filesystem::path& state_folder);

}  // namespace cobatch
