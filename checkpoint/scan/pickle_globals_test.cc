#include "hoist/checkpoint/scan/pickle_globals.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/memory_file.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A literal with its zero bytes.
template <size_t kSize>
std::string Bytes(const char (&literal)[kSize]) {
  return std::string(literal, kSize - 1);
}

PickleWalk Walk(const std::string& bytes, uint64_t start = 0,
                const PickleWalkOptions& options = {}) {
  const MemoryFile file("test", {bytes.begin(), bytes.end()});
  ByteWindow window(file);
  return WalkPickle(window, start, options);
}

// "position module name", with "!" before what cannot be known.
std::vector<std::string> Names(const PickleWalk& walk) {
  std::vector<std::string> names;
  for (const PickleGlobal& global : walk.globals) {
    names.push_back((global.is_known ? "" : "!") +
                    std::to_string(global.position) + " " + global.module +
                    " " + global.name);
  }
  return names;
}

TEST(WalkPickleTest, FindsGlobalsOfEveryProtocol) {
  const PickleWalk text = Walk("cposix\nsystem\np0\n(Vls -la\np1\ntp2\nRp3\n.");
  EXPECT_TRUE(text.is_complete()) << text.damage;
  EXPECT_FALSE(text.has_protocol);
  EXPECT_TRUE(text.has_sound_call);
  EXPECT_EQ(text.end, 38u);
  EXPECT_THAT(Names(text), ElementsAre("0 posix system"));

  const PickleWalk binary =
      Walk(Bytes("\x80\x02"
                 "cposix\nsystem\nq\0X\2\0\0\0lsq\1\x85q\2Rq\3."));
  EXPECT_TRUE(binary.is_complete()) << binary.damage;
  EXPECT_TRUE(binary.has_protocol);
  EXPECT_THAT(Names(binary), ElementsAre("2 posix system"));

  const PickleWalk framed = Walk(
      Bytes("\x80\x04\x95\x14\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94"
            "\x93\x94)R."));
  EXPECT_TRUE(framed.is_complete()) << framed.damage;
  EXPECT_THAT(Names(framed), ElementsAre("28 posix system"));
}

TEST(WalkPickleTest, FindsWhatInstNames) {
  const PickleWalk walk = Walk("(S'code'\ni__builtin__\nexec\n.");
  EXPECT_TRUE(walk.is_complete()) << walk.damage;
  EXPECT_THAT(Names(walk), ElementsAre("9 __builtin__ exec"));
}

TEST(WalkPickleTest, FollowsStringsThroughTheMemo) {
  // Remembered, forgotten, with decoys on top, and got by text, byte, DUP.
  EXPECT_THAT(Names(Walk("Vos\np2\n0Vsystem\np3\n0Vtorch\np0\n0g2\ng3\n\x93.")),
              ElementsAre("37 os system"));
  EXPECT_THAT(Names(Walk(Bytes("\x80\4\x8c\2os\x94\x8c\4name\x94"
                               "00h\0h\1\x93."))),
              ElementsAre("20 os name"));
  EXPECT_THAT(Names(Walk(Bytes("\x80\4\x8c\2os2\x93."))),
              ElementsAre("7 os os"));
  // MEMOIZE takes the next place, whatever was put where.
  EXPECT_THAT(Names(Walk(Bytes("\x80\4\x8c\1aq\5\x8c\1b\x94"
                               "00h\5h\1\x93."))),
              ElementsAre("17 a b"));
}

TEST(WalkPickleTest, DecodesEscapedNames) {
  EXPECT_THAT(Names(Walk("V\\u006fs\nS'\\x73ystem'\n\x93.")),
              ElementsAre("22 os system"));
}

TEST(WalkPickleTest, KeepsDottedNames) {
  EXPECT_THAT(Names(Walk(Bytes("\x80\4\x8c\3bdb\x8c\7Bdb.run\x93."))),
              ElementsAre("16 bdb Bdb.run"));
}

TEST(WalkPickleTest, SaysWhichNamesAreMadeWhileItRuns) {
  // The module is what an import gives, which a dict may have replaced.
  EXPECT_THAT(Names(Walk(Bytes("\x80\4"
                               "ctorch\n_utils\n\x8c\4"
                               "eval\x93."))),
              ElementsAre("2 torch _utils", "!22 ? eval"));
  EXPECT_THAT(Names(Walk(Bytes("\x80\2\x82\7."))),
              ElementsAre("!2 copyreg extension 7"));
  const std::string longer(5000, 'x');
  EXPECT_THAT(Walk("c" + longer + "\nname\n.").globals[0].is_known, false);
}

TEST(WalkPickleTest, NamesThatAreNoStringsAreDamage) {
  const PickleWalk walk = Walk("NN\x93.");
  EXPECT_THAT(walk.globals, IsEmpty());
  EXPECT_THAT(walk.damage, HasSubstr("no string"));
}

TEST(WalkPickleTest, ReportsWhatIsBeforeAndBehindDamage) {
  const PickleWalk walk = Walk("ca\nb\nRcc\nd\n\xff");
  EXPECT_FALSE(walk.is_complete());
  EXPECT_FALSE(walk.has_stop);
  EXPECT_THAT(walk.damage, HasSubstr("too few"));
  EXPECT_EQ(walk.damage_position, 5u);
  EXPECT_EQ(walk.sound_globals, 1u);
  EXPECT_EQ(walk.sound_opcodes, 1u);
  EXPECT_EQ(walk.end, 11u);
  EXPECT_THAT(Names(walk), ElementsAre("0 a b", "6 c d"));

  EXPECT_THAT(Names(Walk("ca\nb\nRcc\nd\n\xff", 0, {.stops_at_damage = true})),
              ElementsAre("0 a b"));
}

TEST(WalkPickleTest, EveryPrefixOfAPickleIsIncomplete) {
  const std::string whole = Bytes(
      "\x80\4\x95\x14\0\0\0\0\0\0\0\x8c\5posix\x94\x8c\6system\x94\x93)R"
      "X\1\0\0\0aM\1\2J\1\2\3\4G12345678I7\nS'a'\n(]e}u.");
  for (size_t size = 0; size < whole.size(); ++size) {
    const PickleWalk walk = Walk(whole.substr(0, size));
    EXPECT_FALSE(walk.is_complete()) << size;
    EXPECT_FALSE(walk.damage.empty()) << size;
    EXPECT_LE(walk.end, size);
  }
}

TEST(WalkPickleTest, LengthsThatLieAreDamage) {
  for (const std::string& pickle :
       {Bytes("\x80\2X\xff\xff\xff\xff."), Bytes("\x80\2T\xff\xff\xff\xff."),
        Bytes("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xff."),
        Bytes("\x80\4\x95\xff\0\0\0\0\0\0\0N."), Bytes("\x80\6N."),
        Bytes("\x80\2h\7."), Bytes("g-1\n."), Bytes("g\n.")}) {
    EXPECT_FALSE(Walk(pickle).is_complete());
  }
}

TEST(WalkPickleTest, StartsAnywhereAndEndsBehindStop) {
  const std::string two = Bytes("\x80\2N.\x80\2ca\nb\n.tail");
  EXPECT_EQ(Walk(two).end, 4u);
  const PickleWalk second = Walk(two, 4);
  EXPECT_TRUE(second.is_complete());
  EXPECT_TRUE(second.has_protocol);
  EXPECT_EQ(second.end, 12u);
  EXPECT_THAT(Names(second), ElementsAre("6 a b"));
}

TEST(WalkPickleTest, EachNameIsReportedOnce) {
  EXPECT_THAT(Names(Walk("ca\nb\nca\nb\nca\nc\n.")),
              ElementsAre("0 a b", "10 a c"));
}

TEST(WalkPickleTest, ReadsAcrossItsWindow) {
  const std::string text(3 * ByteWindow::kMaxBytes, 'x');
  const PickleWalk walk = Walk("V" + text + "\n0ca\nb\n.");
  EXPECT_TRUE(walk.is_complete()) << walk.damage;
  EXPECT_EQ(walk.globals[0].position, text.size() + 3);
}

TEST(WalkPickleTest, StepsAreBounded) {
  const std::string many(100'000, 'N');
  EXPECT_THAT(Walk(many, 0, {.max_steps = 1000}).damage, HasSubstr("too long"));
  EXPECT_LE(Walk(many, 0, {.max_steps = 1000}).steps, 2000u);
  EXPECT_TRUE(Walk(many + ".").is_complete());
  const std::string line(10 * ByteWindow::kMaxBytes, 'V');
  EXPECT_FALSE(Walk(line, 0, {.max_steps = 1000}).is_complete());
}

}  // namespace
}  // namespace hoist
