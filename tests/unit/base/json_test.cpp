#include "base/json.hpp"

#include <limits>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "base/scan.hpp"

using namespace cobatch;

namespace {

std::string round_trip(std::string_view text) {
  const auto v = json::parse(text);
  return v ? json::write(*v) : "error: " + v.error().message;
}

errc code_of(std::string_view text) {
  const auto v = json::parse(text);
  REQUIRE_FALSE(v.has_value());
  return v.error().code;
}

}  // namespace

TEST_CASE("every kind of value is read and told apart") {
  const auto v = json::parse(R"({"n":null,"t":true,"f":false,"i":-42,"d":1.5,"s":"x","a":[1,2],"o":{}})");
  REQUIRE(v.has_value());
  CHECK(v->find("n")->is_null());
  CHECK(*v->find("t")->as_bool());
  CHECK_FALSE(*v->find("f")->as_bool());
  CHECK(*v->find("i")->as_int() == -42);
  CHECK(v->find("d")->as_number()->text == "1.5");
  CHECK(*v->find("s")->as_string() == "x");
  CHECK(v->find("a")->as_array()->size() == 2);
  CHECK(v->find("o")->as_object()->empty());
  CHECK(v->find("absent") == nullptr);
  CHECK(v->find("i")->find("x") == nullptr);
  CHECK(v->find("i")->as_number() == nullptr);
  CHECK(v->find("d")->as_int() == nullptr);
  for (const auto& [name, kind] : {std::pair{"n", "null"},
                                   {"t", "a boolean"},
                                   {"i", "a number"},
                                   {"d", "a number"},
                                   {"s", "a string"},
                                   {"a", "an array"},
                                   {"o", "an object"}})
    CHECK(v->find(name)->kind() == kind);
}

TEST_CASE("a scalar is a whole JSON text") {
  for (const auto* text : {"1", "-1", "1.5", "\"x\"", "true", "false", "null", "[]", "{}"})
    CHECK(round_trip(text) == text);
  CHECK(round_trip(" \t\r\n 7 \n") == "7");
}

TEST_CASE("numbers come back exactly as they were written") {
  for (const auto* n : {"0", "-0", "1.10", "-0.0", "1e400", "1E+5", "1e-400", "12345678901234567890123", "0.1",
                        "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809",
                        "18446744073709551615", "18446744073709551616", "123456789.123456789123456789", "0e0", "0.0"}) {
    CHECK(round_trip(n) == n);
    const std::string in_array = "[1," + std::string(n) + ",\"1.5\"," + n + ",{\"a\":" + n + "}]";
    CHECK(round_trip(in_array) == in_array);
  }
  CHECK(*json::parse("9223372036854775807")->as_int() == std::numeric_limits<std::int64_t>::max());
  CHECK(*json::parse("-9223372036854775808")->as_int() == std::numeric_limits<std::int64_t>::min());
  const std::string digits(100'000, '7');
  CHECK(round_trip(digits) == digits);
}

TEST_CASE("many numbers that grow when they are taken out do not disturb the text behind them") {
  std::string text = "[-0";
  for (int i = 0; i < 5000; ++i) text += ",-0";
  text += ",\"end\"]";
  CHECK(round_trip(text) == text);
}

TEST_CASE("however much numbers grow when they are taken out, the padding is there") {
  constexpr std::size_t padding = 64;
  for (int count = 1; count < 200; ++count) {
    std::string text = "[-0";
    for (int i = 1; i < count; ++i) text += ",-0";
    text += "]";
    const auto scanned = json::detail::scan(text, padding, json::detail::strictness::strict);
    REQUIRE(scanned.has_value());
    CHECK(scanned->numbers.size() == static_cast<std::size_t>(count));
    CHECK(scanned->text.capacity() >= scanned->text.size() + padding);
  }
}

TEST_CASE("malformed numbers are refused") {
  for (const auto* n : {"01",    "-",   "+1",       ".5",        "1.",    "1.e5",  "1e",  "1e+", "-01", "0x10",
                        "1_000", "NaN", "Infinity", "-Infinity", "1.5.5", "1e5e5", "--1", "1-",  "0-1", "1e5.5"}) {
    CAPTURE(n);
    CHECK_FALSE(json::detail::is_number(n));
    CHECK(code_of(n) == errc::bad_json);
    CHECK(code_of("[" + std::string(n) + "]") == errc::bad_json);
  }
}

TEST_CASE("strings are read with all their escapes and written with the escapes they need") {
  const auto v = json::parse(R"("\"\\\/\b\f\n\r\t\u0000\u001f\u00e9\ud83d\ude00 é")");
  REQUIRE(v.has_value());
  const std::string expected =
      std::string("\"\\/\b\f\n\r\t") + std::string(1, '\0') + "\x1f\xC3\xA9\xF0\x9F\x98\x80 \xC3\xA9";
  CHECK(*v->as_string() == expected);
  CHECK(json::write(*v) == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\xC3\xA9\xF0\x9F\x98\x80 \xC3\xA9\"");
  CHECK(json::parse(json::write(*v)).value() == *v);
}

TEST_CASE("every character of one byte survives a round trip in a string and in a name") {
  for (int c = 0; c < 0x80; ++c) {
    const std::string text = "a" + std::string(1, static_cast<char>(c)) + "b";
    const json::value v(json::object{{text, json::value(text)}});
    CHECK(json::parse(json::write(v)).value() == v);
    CHECK(json::parse(json::write_pretty(v)).value() == v);
  }
}

TEST_CASE("half a surrogate pair is read as U+FFFD, in strings and in names") {
  const std::pair<const char*, const char*> cases[] = {{R"("\ud800")", "\"\uFFFD\""},
                                                       {R"("\udc00")", "\"\uFFFD\""},
                                                       {R"("\uD800x")", "\"\uFFFDx\""},
                                                       {R"("\ud800\ud800")", "\"\uFFFD\uFFFD\""},
                                                       {R"("\udc00\ud800")", "\"\uFFFD\uFFFD\""},
                                                       {R"("\ud800A")", "\"\uFFFDA\""},
                                                       {R"("\ud800\u0041")", "\"\uFFFDA\""},
                                                       {R"("\ud83d\ude00\ude00")", "\"\U0001F600\uFFFD\""},
                                                       {R"("\\ud800")", R"("\\ud800")"},
                                                       {R"({"\udfff":1,"a":-0})", "{\"\uFFFD\":1,\"a\":-0}"},
                                                       {R"("caf\udce9.txt")", "\"caf\uFFFD.txt\""}};
  for (const auto& [text, read] : cases) CHECK(round_trip(text) == read);
}

TEST_CASE("what other programs wrote is read with NaN, infinities and bytes that are no text, and each is counted") {
  json::repairs repaired;
  const auto read =
      json::parse_leniently("{\"a\":NaN,\"b\":[-Infinity,Infinity],\"c\":\"\\ud800\xE9\xE9\",\"d\":1.50}", repaired);
  REQUIRE(read.has_value());
  CHECK(json::write(*read) == "{\"a\":null,\"b\":[null,null],\"c\":\"\uFFFD\uFFFD\uFFFD\",\"d\":1.50}");
  CHECK(repaired.numbers == 3);
  CHECK(repaired.surrogates == 1);
  CHECK(repaired.bytes == 2);
  json::repairs none;
  CHECK(json::parse_leniently("{\"a\":[1,2.5,\"\\u00e9\"]}", none).has_value());
  CHECK(none == json::repairs{});
  CHECK(json::parse_leniently("{'type':'result'}", none).error().code == errc::bad_json);
}

TEST_CASE("what is wrong is named with its line and column") {
  const std::pair<const char*, const char*> cases[] = {
      {"{\n  \"a\": 1\n  \"b\": 2\n}", "a comma or a closing bracket is missing at line 3, column 3"},
      {"{\"é\" 1}", "a colon is missing after a name, at line 1, column 6"},
      {"{'a': 1}", "a character that has no place there, at line 1, column 2"},
      {"{\"a\":}", "a value is missing at line 1, column 6"},
      {"{1:2}", "a name in double quotes is missing at line 1, column 2"},
      {"[1}", "a bracket of the other kind at line 1, column 3"},
      {"{\"a\": [1, 2]", "the text ends before it is complete, at line 1, column 13"},
      {"{} {}", "there is more after the end of the value, at line 1, column 4"},
      {"[\n\"ab", "a string is not closed, which begins at line 2, column 1"},
      {"[\"a\",\"b\tc\"]", "a control character that is not escaped in the string at line 1, column 6"},
      {"[-0,\"b\\x\"]", "a malformed escape in the string at line 1, column 5"},
      {"[\"\\q\",\"a\tb\"]", "a malformed escape in the string at line 1, column 2"},
      {"", "the text is empty at line 1, column 1"}};
  for (const auto& [text, said] : cases) {
    const auto read = json::parse(text);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().message == std::string("not valid JSON: ") + said);
  }
}

TEST_CASE("text that is not UTF-8 is bad_encoding and names the byte") {
  CHECK(code_of("\"\xFF\"") == errc::bad_encoding);
  CHECK(code_of("[1,\xC3") == errc::bad_encoding);
  CHECK(code_of("\"\xED\xA0\x80\"") == errc::bad_encoding);
  CHECK(json::parse("\"ab\x80\"").error().message.find("byte 3") != std::string::npos);
}

TEST_CASE("what is written is UTF-8, whatever bytes stand in a string or a name") {
  const json::value bad(json::object{{"n\xFF", std::string("/tmp/b\xE9\xC3\xA9\"\xC3")}});
  CHECK(json::write(bad) == "{\"n\xEF\xBF\xBD\":\"/tmp/b\xEF\xBF\xBD\xC3\xA9\\\"\xEF\xBF\xBD\"}");
  CHECK(json::parse(json::write_pretty(bad)));
}

TEST_CASE("a byte order mark is skipped, once, and only in front") {
  CHECK(round_trip("\xEF\xBB\xBF{\"a\":1}") == "{\"a\":1}");
  CHECK(code_of("\xEF\xBB\xBF") == errc::bad_json);
  CHECK(code_of("\xEF\xBB\xBF\xEF\xBB\xBF{}") == errc::bad_json);
  CHECK(code_of("{}\xEF\xBB\xBF") == errc::bad_json);
}

TEST_CASE("nesting is allowed to 256 levels and refused beyond") {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(round_trip(nested(json::max_depth)) == nested(json::max_depth));
  CHECK(code_of(nested(json::max_depth + 1)) == errc::bad_json);
  CHECK(code_of(nested(1'000'000)) == errc::bad_json);
  CHECK(code_of(std::string(1'000'000, '[')) == errc::bad_json);
  std::string objects;
  for (std::size_t i = 0; i < json::max_depth; ++i) objects += "{\"a\":";
  CHECK(json::parse(objects + "1" + std::string(json::max_depth, '}')).has_value());
  CHECK(code_of("{\"a\":" + objects + "1" + std::string(json::max_depth + 1, '}')) == errc::bad_json);
}

TEST_CASE("the later of two members of one name takes the place of the earlier") {
  CHECK(round_trip(R"({"a":1,"b":2,"a":3})") == R"({"a":3,"b":2})");
  CHECK(round_trip(R"({"a":1,"a":2,"a":3})") == R"({"a":3})");
  CHECK(round_trip(R"({"a":1,"b":1,"a":2,"b":2,"c":1})") == R"({"a":2,"b":2,"c":1})");
  std::string text = "{";
  for (int i = 0; i < 40; ++i) text += "\"k" + std::to_string(i % 20) + "\":" + std::to_string(i) + ",";
  text.back() = '}';
  const auto v = json::parse(text);
  REQUIRE(v->as_object()->size() == 20);
  for (int i = 0; i < 20; ++i) {
    CHECK((*v->as_object())[static_cast<std::size_t>(i)].name == "k" + std::to_string(i));
    CHECK(*v->find("k" + std::to_string(i))->as_int() == 20 + i);
  }
}

TEST_CASE("what is no JSON is refused with an error that says so") {
  for (const auto* text : {"",
                           " ",
                           "{",
                           "}",
                           "[",
                           "]",
                           "{]",
                           "[}",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{a:1}",
                           "{\"a\":1,}",
                           "{,}",
                           "{1:2}",
                           "\"",
                           "\"a",
                           "'a'",
                           "tru",
                           "truex",
                           "True",
                           "nul",
                           "None",
                           "1 2",
                           "{} {}",
                           "[]]",
                           "[],[]",
                           ",",
                           ":",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"a\nb\"",
                           "// c\n1",
                           "[1]/**/",
                           "\\\"a\"",
                           "[\\1.5]",
                           "\"a\"b",
                           "1\"a\"",
                           "true\"a\"",
                           "{\"a\":1 \"b\":2}",
                           "{\"a\",1}",
                           "[1:2]",
                           "undefined"}) {
    CAPTURE(text);
    CHECK(code_of(text) == errc::bad_json);
  }
  CHECK(code_of(std::string_view("{}\0", 3)) == errc::bad_json);
  CHECK(code_of(std::string_view("\"a\0b\"", 5)) == errc::bad_json);
}

TEST_CASE("the commonest mistakes are told with their place") {
  CHECK(json::parse("{\"a\":1,}").error().message.find("comma") != std::string::npos);
  CHECK(json::parse("{\"a\":1,}").error().message.find("line 1, column 8") != std::string::npos);
  CHECK(json::parse("{\"a\":True}").error().message.find("unknown word at line 1, column 6") != std::string::npos);
  CHECK(json::parse("{'a':1}").error().message.find("line 1, column 2") != std::string::npos);
  CHECK(json::parse("[1.]").error().message.find("malformed number at line 1, column 2") != std::string::npos);
  CHECK(json::parse("\"a").error().message.find("not closed") != std::string::npos);
}

TEST_CASE("pretty text has a member a line, two spaces a level, as json.tool writes it") {
  const json::value v(json::object{
      {"a", 1}, {"b", json::array{1, "x", json::array{}, json::object{}}}, {"c", json::object{{"d", true}}}});
  CHECK(json::write_pretty(v) ==
        "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    \"x\",\n    [],\n    {}\n  ],\n  \"c\": {\n    \"d\": true\n  }\n}");
  CHECK(json::write(v) == R"({"a":1,"b":[1,"x",[],{}],"c":{"d":true}})");
  CHECK(json::write_pretty(json::array{}) == "[]");
}
