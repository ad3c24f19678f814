#include "program/task_file.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "program/commands.hpp"
#include "unit/program/support.hpp"

namespace cobatch_test {

using namespace cobatch::program;

namespace {

struct file_read {
  std::string params;
  std::string notes;  // one a line
};

file_read read(std::string_view text) {
  const auto file = read_task_file(text);
  REQUIRE_MESSAGE(file, (file ? "" : file.error().message));
  std::string notes;
  for (const auto& note : file->notes) notes += note + "\n";
  return {json::write(file->params), notes};
}

std::string tasks(const std::string& list) { return R"({"tasks":[)" + list + "]}"; }

}  // namespace

TEST_CASE("a task file with the names of the request is taken as it is, and nothing is noted") {
  const std::string list = R"({"task_id":"a","description":"A"},{"task_id":"b","description":"B","needs":["a"]})";
  CHECK(read("[" + list + "]").params == tasks(list));
  CHECK(read(R"({"batch_id":"b","tasks":[)" + list + "]}").params == R"({"batch_id":"b","tasks":[)" + list + "]}");
  CHECK(read(tasks(list)).notes.empty());
  // What is wrong with a request is for the request to say.
  CHECK(read(R"({"batch_id":"b"})").params == R"({"batch_id":"b"})");
  CHECK(read(R"({"tasks":7})").params == R"({"tasks":7})");
  CHECK(read("[7,null]").params == tasks("7,null"));
}

TEST_CASE("other spellings of a task's members are taken, and said") {
  const auto a = read(R"([{"id":1,"title":"A"},{"id":"b","prompt":"B","dependencies":[1,"x"]}])");
  CHECK(a.params == tasks(R"({"task_id":"1","description":"A"},{"task_id":"b","description":"B","needs":["1","x"]})"));
  CHECK(a.notes ==
        "'id' was taken as 'task_id'.\n'title' was taken as 'description'.\n"
        "Numbers that stand for ids were taken as texts.\n"
        "'prompt' was taken as 'description'.\n'dependencies' was taken as 'needs'.\n");
  // The name itself counts where it is given; the other one is left to the request, which warns of it.
  const std::string both = R"({"task_id":"a","id":2,"description":"A","title":"T"})";
  CHECK(read("[" + both + "]").params == tasks(both));
  CHECK(read(R"([{"id":1,"title":"T","prompt":"P"}])").params ==
        tasks(R"({"task_id":"1","title":"T","description":"P"})"));
}

TEST_CASE("JSON Lines are read line by line, be it one, and a line that cannot be read is named") {
  const std::string a = R"({"task_id":"a","description":"A"})", b = R"({"task_id":"b","description":"B"})";
  CHECK(read(a + "\n\n" + b + "\r\n").params == tasks(a + "," + b));
  CHECK(read(a + "\n").params == tasks(a));
  const auto bad = read_task_file(a + "\n\n{\"task_id\":}\n");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == errc::bad_json);
  CHECK(bad.error().message.find("at line 3, column ") != std::string::npos);
  CHECK(bad.error().message.find("line") == bad.error().message.rfind("line 3"));
  CHECK(bad.error().message.find("Nothing was changed") != std::string::npos);
  CHECK(read_task_file("[\n{\"task_id\":}\n]").error().message.find("line 2") != std::string::npos);
}

TEST_CASE("plain strings are descriptions, and get ids that the same file would get again") {
  const auto r = read(
      R"(["Fix the login (again)!","Fix the login (again)!","日本語","...",{"task_id":"task_2","description":"x"},"?"])");
  CHECK(r.params == tasks(R"({"task_id":"Fix_the_login_again","description":"Fix the login (again)!"},)"
                          R"({"task_id":"Fix_the_login_again_2","description":"Fix the login (again)!"},)"
                          R"({"task_id":"日本語","description":"日本語"},)"
                          R"({"task_id":"task","description":"..."},)"
                          R"({"task_id":"task_2","description":"x"},)"
                          R"({"task_id":"task_3","description":"?"})"));
  CHECK(r.notes == "Tasks without an id got one from their description; the first is 'Fix_the_login_again'.\n");
  const std::string long_one(1000, 'x');
  const std::string id = R"({"task_id":")" + std::string(48, 'x') + "_";
  const auto long_ones = read("[\"" + long_one + "\",\"" + long_one + "y\"]").params;
  CHECK(long_ones.find(id) != long_ones.rfind(id));
  CHECK(long_ones.find("_2\"") == std::string::npos);
  CHECK(read("[\"" + long_one + "y\",\"" + long_one + "\"]").params.find(long_ones.substr(long_ones.find(id), 60)) !=
        std::string::npos);
}

TEST_CASE("of a Markdown checklist the open items are tasks, and what is passed over is said") {
  const auto r = read(
      "# To do\n\n- [ ] Write the README\n  with an example\n\n  and a picture\n- [x] Done before\n  in two lines\n"
      "* [ ] Second\r\n    - [X] Done below it\n    - [ ] Below it\n1. [ ] Numbered\n12) [ ] Also\nProse.\n  More.\n- "
      "plain\n- [ ]\n- [x](http://a.b)\n");
  CHECK(r.params ==
        tasks(R"({"task_id":"Write_the_README_with_an_example_and_a_picture",)"
              R"("description":"Write the README\nwith an example\n\nand a picture"},)"
              R"({"task_id":"Second","description":"Second"},{"task_id":"Below_it","description":"Below it"},)"
              R"({"task_id":"Numbered","description":"Numbered"},{"task_id":"Also","description":"Also"})"));
  CHECK(r.notes.find("Passed over as they are ticked: 2 items (lines 7, 10).") != std::string::npos);
  CHECK(r.notes.find("Passed over as they have no text: 1 item (line 17).") != std::string::npos);
  CHECK(r.notes.find("Passed over as they belong to no item: 5 lines (lines 1, 14, 15, 16, 18).") != std::string::npos);
  const auto ticked = read_task_file("- [x] all\n- [x] done\n");
  REQUIRE_FALSE(ticked);
  CHECK(ticked.error().message.find("All items of the checklist are ticked") != std::string::npos);
}

TEST_CASE("the lines below an item keep their shape, and a box in a code fence is no item") {
  const auto r = read(
      "- [ ] Code\n  ```sh\n  if x; then\n    - [ ] y\n\n\n  ```\n  ~~~~\n  ~~~\n  - [ ] z\n  ~~~~\n- [ ] Open\n  ```\n"
      "  - [ ] inside\n- [ ] Next\n");
  CHECK(r.params == tasks(R"({"task_id":"Code_sh_if_x_then_y_z",)"
                          R"("description":"Code\n```sh\nif x; then\n  - [ ] y\n\n\n```\n~~~~\n~~~\n- [ ] z\n~~~~"},)"
                          R"({"task_id":"Open_inside","description":"Open\n```\n- [ ] inside"},)"
                          R"({"task_id":"Next","description":"Next"})"));
  CHECK(read("```\n- [ ] a\n```\n- [ ] b\n").params == tasks(R"({"task_id":"b","description":"b"})"));
}

TEST_CASE("an open item has the same id whether or not an item of the same text is ticked") {
  const auto second = read("- [x] Write tests\n- [ ] Write tests\n");
  CHECK(second.params == tasks(R"({"task_id":"Write_tests_2","description":"Write tests"})"));
  CHECK(second.notes.find("the first is 'Write_tests_2'") != std::string::npos);
  CHECK(read("- [ ] Write tests\n- [x] Write tests\n").params ==
        tasks(R"({"task_id":"Write_tests","description":"Write tests"})"));
}

TEST_CASE("a byte order mark is no part of a task file, whatever its form") {
  const std::string mark = "\xEF\xBB\xBF", a = R"({"task_id":"a","description":"a"})";
  for (const std::string& text : std::vector<std::string>{"- [ ] a\n", "[" + a + "]", a + "\n" + a + "\n"}) {
    CAPTURE(text);
    CHECK(read(mark + text).params == read(text).params);
  }
}

TEST_CASE("a member of a task that is null is as if it were absent, wherever it stands") {
  const std::string a = tasks(R"({"task_id":"A","description":"D"})");
  CHECK(read(R"([{"id":"A","task_id":null,"description":null,"prompt":"D"}])").params == a);
  CHECK(read(R"([{"task_id":null,"id":"A","prompt":"D","description":null,"needs":null}])").params == a);
  CHECK(read(R"({"tasks":null,"description":null,"task_id":"A","prompt":"D"})").params == a);
}

TEST_CASE("a task file that is not UTF-8 is refused with the file and the line") {
  const auto r = read_task_file("- [ ] a\n- [ ] \xE9\n");
  REQUIRE_FALSE(r);
  CHECK(r.error().code == errc::bad_encoding);
  CHECK(r.error().message.find("line 2 is not valid UTF-8") != std::string::npos);
  const folder f;
  const auto said = cobatch_run({"assign", "--file", "-", "--root", f.str()}, "- [ ] \xE9\n");
  CHECK(said.code == exit_usage);
  CHECK(said.err.find("standard input: ") != std::string::npos);
}

TEST_CASE("what is no task file is refused with the forms that are taken") {
  for (const char* text : {"", "some words", "# heading\n- plain\n", "{\"task_id\":", "7\n8"}) {
    CAPTURE(text);
    const auto r = read_task_file(text);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == errc::bad_json);
    CHECK(r.error().message.find("Markdown checklist") != std::string::npos);
  }
  CHECK(read_task_file("17").error().code == errc::not_an_object);
}

TEST_CASE("assign takes what task files contain, says in notes how, and stores nothing twice") {
  const folder f;
  const auto assign = [&](const std::string& text) {
    return cobatch_run({"assign", "--file", "-", "--root", f.str(), "--json"}, text);
  };
  const auto first = assign("- [x] old\n- [ ] new one\n");
  CHECK(first.code == exit_success);
  CHECK(*first.json().find("task_count") == json::value(1));
  CHECK(first.err.find("note: Passed over as they are ticked: 1 item (line 1).") != std::string::npos);
  const auto again = assign("- [ ] new one\n- [ ] newer one\n");
  CHECK(again.code == exit_success);
  CHECK(*again.json().find("duplicates") == json::value(1));
  const auto numbers = assign(R"([{"id":1,"title":"A"},{"id":2,"prompt":"B","dependencies":[1]}])");
  CHECK(numbers.code == exit_success);
  CHECK(numbers.err.find("note: 'dependencies' was taken as 'needs'.") != std::string::npos);
  CHECK(assign("- [x] old\n").code == exit_usage);
}

}  // namespace cobatch_test
