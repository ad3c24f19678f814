// Feeds files to a fuzz target, as libFuzzer would: fuzz_corpus TARGET FILE_OR_FOLDER…
#include <iterator>

#include "fuzz.hpp"

namespace fs = std::filesystem;

int main(int argc, char** argv) {
  const auto target = cobatch_fuzz::targets().find(argc > 1 ? argv[1] : "");
  if (target == cobatch_fuzz::targets().end()) {
    std::fputs("usage: fuzz_corpus TARGET FILE_OR_FOLDER…\n", stderr);
    return 2;
  }
  int fed = 0;
  const auto feed = [&](const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    std::fprintf(stderr, "%s\n", file.c_str());
    target->second(text);
    ++fed;
  };
  for (int i = 2; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      feed(argv[i]);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(argv[i])) feed(entry.path());
  }
  return fed > 0 ? 0 : 1;
}
