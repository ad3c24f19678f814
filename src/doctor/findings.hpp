// What the doctor has found so far, and the commands that it advises.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <cobatch/doctor.hpp>

namespace cobatch {

class findings {
 public:
  /// `place`: the workspace that the commands are for.
  explicit findings(const workspace_options& place);

  void yes(std::string_view check, std::string message);
  void no(std::string_view check, std::string message, std::string fix = {});
  void unknown(std::string_view check, std::string message, std::string fix = {});

  /// "cobatch ARGUMENTS", with what names the workspace.
  [[nodiscard]] std::string command(std::string_view arguments) const;

  [[nodiscard]] std::vector<finding> take() &&;

 private:
  void add(std::string_view check, answer is, std::string message, std::string fix);

  std::string place_;
  std::vector<finding> found_;
};

}  // namespace cobatch
