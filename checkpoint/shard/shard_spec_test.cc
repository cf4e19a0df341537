#include "hoist/checkpoint/shard/shard_spec.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/shard/shard_presets.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Json = nlohmann::json;

// As much of JSON Schema as shard_spec.schema.json makes use of.
class SchemaCheck {
 public:
  SchemaCheck() {
    std::ifstream in("checkpoint/shard/shard_spec.schema.json");
    root_ = Json::parse(in);
  }

  bool Accepts(const Json& value) const { return Accepts(root_, value); }

 private:
  bool Accepts(const Json& schema, const Json& value) const {
    bool is_good = true;
    for (const auto& [key, rule] : schema.items()) {
      is_good = is_good && Holds(schema, key, rule, value);
    }
    return is_good;
  }

  bool Holds(const Json& schema, const std::string& key, const Json& rule,
             const Json& value) const {
    if (key == "$ref") {
      return Accepts(
          root_.at(Json::json_pointer(rule.get<std::string>().substr(1))),
          value);
    }
    if (key == "type") {
      return rule == "object"    ? value.is_object()
             : rule == "array"   ? value.is_array()
             : rule == "string"  ? value.is_string()
             : rule == "integer" ? value.is_number_integer()
                                 : value.is_boolean();
    }
    if (key == "const") {
      return value == rule;
    }
    if (key == "enum") {
      return std::find(rule.begin(), rule.end(), value) != rule.end();
    }
    if (key == "oneOf") {
      return std::count_if(rule.begin(), rule.end(), [&](const Json& one) {
               return Accepts(one, value);
             }) == 1;
    }
    if (key == "minimum" || key == "maximum") {
      return !value.is_number() ||
             (key == "minimum" ? value >= rule : value <= rule);
    }
    if (key == "minLength") {
      return !value.is_string() || value.get<std::string>().size() >= rule;
    }
    if (key == "minItems") {
      return !value.is_array() || value.size() >= rule;
    }
    if (key == "maxItems") {
      return !value.is_array() || value.size() <= rule;
    }
    if (key == "minProperties") {
      return !value.is_object() || value.size() >= rule;
    }
    if (key == "required") {
      return !value.is_object() ||
             std::all_of(rule.begin(), rule.end(), [&](const Json& name) {
               return value.contains(name.get<std::string>());
             });
    }
    if (key == "items") {
      return !value.is_array() ||
             std::all_of(value.begin(), value.end(),
                         [&](const Json& item) { return Accepts(rule, item); });
    }
    if (key == "properties" || key == "additionalProperties") {
      return !value.is_object() || AreGoodProperties(schema, value);
    }
    // Every other key is one that only people read.
    EXPECT_THAT(key, ::testing::AnyOf("$schema", "title", "description",
                                      "definitions"));
    return true;
  }

  bool AreGoodProperties(const Json& schema, const Json& value) const {
    const Json known = schema.value("properties", Json::object());
    const Json other = schema.value("additionalProperties", Json(true));
    for (const auto& [key, item] : value.items()) {
      if (known.contains(key)) {
        if (!Accepts(known[key], item)) {
          return false;
        }
      } else if (other.is_boolean() ? !other.get<bool>()
                                    : !Accepts(other, item)) {
        return false;
      }
    }
    return true;
  }

  Json root_;
};

constexpr char kEverything[] = R"json({
  "schema": "hoist.shard_spec/1",
  "name": "all",
  "comment": "What there is",
  "strict": true,
  "mesh": {"pipeline": 2, "tensor": "rest"},
  "rules": [
    {"names": "model.layers.*", "comment": "stages",
     "layers": {"ranges": [[0, 3], [3, 8]], "axis": "pipeline"}},
    {"names": "model.blocks.*", "layers": {"count": 8, "axis": "pipeline"}},
    {"names": ["*.experts.*"], "experts": {"axis": "tensor"},
     "replicate": true},
    {"names": "embed", "ranks": {"at": [0, -1], "axis": "pipeline"},
     "split": {"dim": -1, "axis": "tensor"}},
    {"names": "*.k_proj.weight",
     "split": {"dim": 0, "units": 4, "uneven": "chunk", "axis": "tensor"}},
    {"names": "*.up.weight",
     "split": {"dim": 1, "uneven": "balanced", "axis": "tensor"}},
    {"names": "*.gate_up.weight",
     "fused": {"dim": 0, "parts": 2, "axis": "tensor"}},
    {"names": "*.qkv.weight",
     "fused_qkv": {"dim": 0, "heads": 8, "kv_heads": 2, "axis": "tensor"}}
  ]
})json";

TEST(ShardSpecTest, ReadsEverything) {
  HOIST_ASSERT_OK_AND_ASSIGN(const ShardSpec spec, ParseShardSpec(kEverything));
  EXPECT_EQ(spec.name, "all");
  EXPECT_TRUE(spec.is_strict);
  ASSERT_EQ(spec.mesh.size(), 2u);
  EXPECT_EQ(spec.mesh[0].name, "pipeline");
  EXPECT_EQ(spec.mesh[0].size, 2);
  EXPECT_EQ(spec.mesh[1].size, 0);
  ASSERT_EQ(spec.rules.size(), 8u);
  const ShardPlacement& layers = *spec.rules[0].placement;
  EXPECT_EQ(layers.kind, ShardPlacement::Kind::kLayers);
  EXPECT_EQ(layers.axis, "pipeline");
  EXPECT_THAT(layers.ranges, ElementsAre(Pair(0, 3), Pair(3, 8)));
  EXPECT_EQ(spec.rules[1].placement->count, 8);
  EXPECT_EQ(spec.rules[2].placement->kind, ShardPlacement::Kind::kExperts);
  EXPECT_EQ(spec.rules[2].cut->kind, ShardCut::Kind::kReplicate);
  EXPECT_THAT(spec.rules[3].placement->places, ElementsAre(0, -1));
  EXPECT_EQ(spec.rules[3].cut->dim, -1);
  EXPECT_EQ(spec.rules[3].cut->uneven, UnevenSplit::kRefuse);
  EXPECT_EQ(spec.rules[4].cut->units, 4);
  EXPECT_EQ(spec.rules[4].cut->uneven, UnevenSplit::kChunk);
  EXPECT_EQ(spec.rules[5].cut->uneven, UnevenSplit::kBalanced);
  EXPECT_EQ(spec.rules[6].cut->parts, 2);
  EXPECT_EQ(spec.rules[7].cut->heads, 8);
  EXPECT_EQ(spec.rules[7].cut->kv_heads, 2);
  EXPECT_EQ(spec.rules[7].cut->axis, "tensor");
}

std::string WithRules(absl::string_view rules) {
  return absl::StrCat("{\"schema\": \"hoist.shard_spec/1\",\n \"rules\": [",
                      rules, "]}");
}

TEST(ShardSpecTest, SaysWhereAndWhatIsWrong) {
  const auto error = [](const std::string& json) {
    const absl::Status status = ParseShardSpec(json).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << json;
    return std::string(status.message());
  };
  EXPECT_EQ(error("[]"),
            "1:1: A shard spec is to be an object, and is an array");
  EXPECT_EQ(error("{\"schema\": \"hoist.shard_spec/2\"}"),
            "1:12: A shard spec has \"schema\": \"hoist.shard_spec/1\"");
  EXPECT_EQ(error(WithRules("{\"names\": \"a\", \"splitt\": 0}")),
            "2:27: There is no key \"splitt\" here, but names, comment, "
            "replicate, split, fused, fused_qkv, layers, experts, ranks");
  EXPECT_THAT(error(WithRules("{\"names\": \"a\"}")),
              HasSubstr("2:12: The rule says nothing of what it means"));
  EXPECT_THAT(error(WithRules("{\"names\": \"a[\", \"replicate\": true}")),
              HasSubstr("2:22: In the pattern \"a[\" a set does not end"));
  EXPECT_EQ(error(WithRules("{\"names\": \"a\", \"split\": {}}")),
            "2:36: \"dim\" is missing here");
  EXPECT_EQ(error(WithRules("{\"names\": \"a\", \"split\": {\"dim\": 0, "
                            "\"uneven\": \"no\"}}")),
            "2:57: \"uneven\" is \"no\", and may be refuse, chunk or balanced");
  EXPECT_THAT(error(WithRules("{\"names\": \"a\", \"replicate\": true, "
                              "\"split\": {\"dim\": 0}}")),
              HasSubstr("2:46: \"split\" contradicts"));
  EXPECT_THAT(error(WithRules("{\"names\": \"a\", \"layers\": {\"ranges\": "
                              "[[0, 3], [2, 4]]}}")),
              HasSubstr("The range overlaps another"));
  EXPECT_THAT(error(WithRules("{\"names\": \"a\", \"layers\": {\"ranges\": "
                              "[[4, 3]]}}")),
              HasSubstr("The range ends before it starts"));
  EXPECT_THAT(error(WithRules("{\"names\": \"a\", \"fused_qkv\": {\"dim\": 0, "
                              "\"heads\": 8, \"kv_heads\": 3}}")),
              HasSubstr("8 heads cannot share 3 of keys and values"));
  EXPECT_THAT(error(WithRules("{\"names\": \"a\", \"split\": {\"dim\": 0, "
                              "\"axis\": \"x\"}}")),
              HasSubstr("There is no axis \"x\" in the mesh"));
  EXPECT_THAT(error("{\"schema\": \"hoist.shard_spec/1\", \"mesh\": {\"a\": 2, "
                    "\"b\": 2}, \"rules\": [{\"names\": \"a\", \"split\": "
                    "{\"dim\": 0}}]}"),
              HasSubstr("\"axis\" is missing here"));
  EXPECT_THAT(error("{\"schema\": \"hoist.shard_spec/1\", \"mesh\": {\"a\": "
                    "\"rest\", \"b\": \"rest\"}, \"rules\": []}"),
              HasSubstr("Only one axis can have the rest"));
}

// Every value of `json`, and `json` itself, by its place.
std::vector<Json::json_pointer> PlacesIn(const Json& json) {
  std::vector<Json::json_pointer> places = {Json::json_pointer()};
  for (size_t i = 0; i < places.size(); ++i) {
    const Json& value = json.at(places[i]);
    for (const auto& [key, item] : value.items()) {
      if (value.is_object()) {
        places.push_back(places[i] / key);
      } else if (value.is_array()) {
        places.push_back(places[i] / static_cast<size_t>(std::stoul(key)));
      }
    }
  }
  return places;
}

// What a schema cannot say.
bool IsBeyondSchema(const absl::Status& status) {
  for (const char* const text :
       {"contradicts", "There is no axis", "\"axis\" is missing",
        "Only one axis", "ends before it starts", "overlaps another",
        "cannot share", "says nothing", "\"count\" or \"ranges\"",
        "The pattern", "In the pattern"}) {
    if (absl::StrContains(status.message(), text)) {
      return true;
    }
  }
  return false;
}

// Takes `json`, changed in each way at each of its places, to the reader and to
// the schema, which have to agree.
void ExpectAgreement(const SchemaCheck& schema, const Json& json) {
  const std::vector<Json> others = {nullptr,
                                    -1,
                                    0,
                                    3,
                                    1.5,
                                    int64_t{1} << 40,
                                    "",
                                    "x",
                                    true,
                                    false,
                                    "rest",
                                    "chunk",
                                    "a[",
                                    Json::array(),
                                    Json::object(),
                                    Json::array({1}),
                                    Json::array({"x"})};
  const auto compare = [&schema](const Json& changed) {
    const absl::Status status = ParseShardSpec(changed.dump()).status();
    if (schema.Accepts(changed)) {
      EXPECT_TRUE(status.ok() || IsBeyondSchema(status)) << status << "\n"
                                                         << changed.dump();
    } else {
      EXPECT_FALSE(status.ok()) << changed.dump();
    }
  };
  compare(json);
  for (const Json::json_pointer& place : PlacesIn(json)) {
    for (const Json& other : others) {
      Json changed = json;
      changed[place] = other;
      compare(changed);
    }
    if (json.at(place).is_object()) {
      for (const char* const key : {"other", "units", "comment", "axis"}) {
        Json changed = json;
        changed[place][key] = 7;
        compare(changed);
      }
    }
    if (!place.empty() && json.at(place.parent_pointer()).is_object()) {
      Json changed = json;
      changed[place.parent_pointer()].erase(place.back());
      compare(changed);
    }
  }
}

TEST(ShardSpecTest, SchemaAndReaderAgree) {
  const SchemaCheck schema;
  const Json everything = Json::parse(kEverything);
  EXPECT_TRUE(schema.Accepts(everything));
  ExpectAgreement(schema, everything);
}

TEST(ShardPresetsTest, AreThereAndWhatTheSchemaSays) {
  EXPECT_THAT(ShardPresetNames(),
              ElementsAre("gpt2", "gpt_neox", "llama", "mixtral"));
  const SchemaCheck schema;
  for (const std::string& name : ShardPresetNames()) {
    HOIST_ASSERT_OK_AND_ASSIGN(const ShardSpec spec, ShardPreset(name));
    EXPECT_EQ(spec.name, name);
    EXPECT_FALSE(spec.rules.empty());
    EXPECT_TRUE(schema.Accepts(Json::parse(ShardPresetText(name))));
    std::ifstream in(absl::StrCat("checkpoint/shard/presets/", name, ".json"));
    std::stringstream text;
    text << in.rdbuf();
    EXPECT_EQ(text.str(), ShardPresetText(name));
  }
}

TEST(ShardPresetsTest, OthersAreNotFound) {
  const absl::Status status = ShardPreset("lama").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                               HasSubstr("There is no shard preset \"lama\"")));
  EXPECT_EQ(HintOf(status), "Presets are gpt2, gpt_neox, llama, mixtral");
}

}  // namespace
}  // namespace hoist
